using System.Collections.Immutable;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Predictions that were made elsewhere, one row each: CSV, Parquet or JSON.</summary>
/// <param name="Source">The files.</param>
/// <param name="Label">Column with the true class.</param>
/// <param name="Prediction">Column with the predicted class.</param>
/// <param name="Group">Column whose values are the groups; rows without one are left out.</param>
public sealed record PredictionFile(PolicyPath Source, string Label, string Prediction, string Group)
{
    /// <summary>Class value, as text, that counts as favourable.</summary>
    public required string Favorable { get; init; }

    /// <summary>The group's privileged value, as text; null: levels stand side by side.</summary>
    public string? Privileged { get; init; }

    /// <summary>Column with the probability of the favourable class; null: only counts are asked for.</summary>
    public string? Score { get; init; }
}

/// <summary>
/// The group table of a file of predictions, counted by DuckDB while it reads, so that memory does not grow with the rows. Scores are
/// counted in steps of 1/10,000.
/// </summary>
public static class PredictionTable
{
    private const int MostLevels = 1000;
    private const int Steps = 10_000;

    /// <summary>Counts it in one pass over the file.</summary>
    /// <exception cref="GateException">PTG3xxx with the place of the source.</exception>
    public static GroupTable Count(PredictionFile file)
    {
        using var table = Table.Stream(file.Source);
        string Column(string name, string what) => table.Column(name, what, file.Source.Position).Sql;
        var (label, prediction, group) = (Column(file.Label, "The label"), Column(file.Prediction, "The prediction"), Column(file.Group, "The group"));
        var score = file.Score is { } name ? $"CAST({Column(name, "The score")} AS DOUBLE)" : "0.0";
        // What is no number from 0 to 1 has a step of its own, since it must not be lost among the others.
        var step = $"CASE WHEN {score} BETWEEN 0 AND 1 THEN CAST(round({score} * {Steps}) AS INTEGER) ELSE -1 END";
        var cells = table.Query($"""
            SELECT CAST(level AS VARCHAR), CAST(label AS VARCHAR), CAST(prediction AS VARCHAR), step, n FROM (
                SELECT {group} AS level, {label} AS label, {prediction} AS prediction, {step} AS step, count(*) AS n
                FROM source WHERE {group} IS NOT NULL GROUP BY ALL) ORDER BY level, step
            """, r => (Level: r.GetString(0), Label: Text(r, 1), Prediction: Text(r, 2), Step: r.GetInt32(3), Count: r.GetInt64(4)));
        Check(file, cells);
        var levels = cells.GroupBy(c => c.Level).ToArray();
        return file.Privileged is not { } privileged ? Of([.. levels], hasPrivileged: false)
            : Of([.. cells.GroupBy(c => c.Level == privileged ? privileged : $"not {privileged}").OrderBy(g => g.Key == privileged)], hasPrivileged: true);

        GroupTable Of(ImmutableArray<IGrouping<string, (string Level, string? Label, string? Prediction, int Step, long Count)>> groups, bool hasPrivileged) => new(
            [.. groups.Select(g => g.Key)],
            [.. groups.Select(g => g.Aggregate(default(Confusion), (sum, c) => sum + Cell(c.Label == file.Favorable, c.Prediction == file.Favorable, c.Count)))],
            hasPrivileged)
        {
            Scores = file.Score is null ? [] : [.. groups.Select(g => Scores(g.Select(c => (c.Step, c.Label == file.Favorable, c.Count))))],
        };
    }

    private static void Check(PredictionFile file, ImmutableArray<(string Level, string? Label, string? Prediction, int Step, long Count)> cells)
    {
        GateException Wrong(string code, string message) => file.Source.Position.Error(code, message);
        if (cells.IsEmpty)
            throw Wrong(DiagnosticCodes.DataEmpty, $"{Wording.Quote(file.Source.Text)} has no rows with a value of {Wording.Quote(file.Group)}.");
        if (cells.Sum(c => c.Label is null || c.Prediction is null ? c.Count : 0) is > 0 and var missing)
            throw Wrong(DiagnosticCodes.DataValue, $"The label or the prediction is missing in {missing} rows; drop those rows or fill them in.");
        if (cells.Sum(c => c.Step < 0 ? c.Count : 0) is > 0 and var undefined)
            throw Wrong(DiagnosticCodes.DataValue, $"The score {Wording.Quote(file.Score!)} is no number from 0 to 1 in {undefined} rows.");
        var levels = cells.Select(c => c.Level).Distinct().ToArray();
        if (levels.Length > MostLevels)
            throw Wrong(DiagnosticCodes.DataValue, $"{Wording.Quote(file.Group)} has more than {MostLevels} different values, too many for groups.");
        var classes = cells.Select(c => c.Label!).Concat(cells.Select(c => c.Prediction!)).Distinct().ToArray();
        Named("favourable class", file.Favorable, classes);
        if (file.Privileged is { } privileged) Named("privileged level", privileged, levels);

        void Named(string what, string value, string[] known)
        {
            if (known.Contains(value)) return;
            var right = Wording.Nearest(value, known) is { } near ? $"did you mean {Wording.Quote(near)}?" : $"there are {Wording.List(known.Take(20).Select(Wording.Quote))}.";
            throw Wrong(DiagnosticCodes.DataEmpty, $"The {what} {Wording.Quote(value)} has no rows; {right}");
        }
    }

    private static Confusion Cell(bool label, bool prediction, long count) => (label, prediction) switch
    {
        (true, true) => new(count, 0, 0, 0),
        (false, true) => new(0, count, 0, 0),
        (true, false) => new(0, 0, count, 0),
        _ => new(0, 0, 0, count),
    };

    private static ScoreCounts Scores(IEnumerable<(int Step, bool Favorable, long Count)> cells)
    {
        var steps = cells.GroupBy(c => c.Step).OrderBy(g => g.Key).ToArray();
        double[] Rows(bool favorable) => [.. steps.Select(g => (double)g.Where(c => c.Favorable == favorable).Sum(c => c.Count))];
        return new([.. steps.Select(g => g.Key / (double)Steps)], Rows(true), Rows(false));
    }

    private static string? Text(System.Data.Common.DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
