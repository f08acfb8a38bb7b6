using System.Collections.Immutable;
using System.Data.Common;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// Reads predictions that were made elsewhere. DuckDB counts them while it reads, in one pass for all groups, so that
/// memory does not grow with the rows.
/// </summary>
internal static class PredictionReader
{
    // Scores are told apart in steps of 1/500 of their log-odds, so that those near 0 and 1 stay apart too, and by the
    // bins of the calibration error; every step keeps the mean of its scores.
    private const string Step =
        "CAST(ceil(score * 10) * 1000000 + floor(500 * ln(greatest(score, 1e-300) / greatest(1 - score, "
        + "1e-16))) AS INTEGER)";

    // With more levels, scores are counted only for a gate that needs them: each level has up to four cells for every
    // step.
    private const int FewLevels = 50;

    // A bit for each in a number of 64, of which one is its sign.
    private const int MostGroups = 62;

    /// <summary>The counts by every group of the policy.</summary>
    /// <param name="policy">Data and groups.</param>
    /// <param name="scoredGroups">Groups whose scores a gate needs, however many levels they have.</param>
    /// <exception cref="GateException">PTG3xxx with the place in the policy.</exception>
    public static PredictionCounts Read(EvaluationPolicy policy, IReadOnlySet<string> scoredGroups)
    {
        var source = policy.Data.Source;
        if (!source.Files.All(Table.Reads))
        {
            throw source.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(source.Text)} is not a table of predictions; use "
                    + "CSV (.csv, .tsv), Parquet (.parquet) or JSON (.json, .jsonl, .ndjson)."
            );
        }

        using var table = Table.Stream(source);
        try
        {
            return Count(table, policy, scoredGroups);
        }
        catch (DbException e)
        {
            throw TableProblem.Unreadable(source, e);
        }
    }

    private static PredictionCounts Count(Table table, EvaluationPolicy policy, IReadOnlySet<string> scoredGroups)
    {
        List<Diagnostic> notes = [];
        var data = policy.Data;
        if (table.Rows == 0)
            throw data.Source.Position.Error(
                DiagnosticCodes.DataEmpty,
                $"{Wording.Quote(data.Source.Text)} has no rows."
            );
        var label = ClassReader.Labels(table, table.Column(data.Label!, "'data.label'", data.Position), data, notes);
        var prediction = ClassReader.Predictions(
            table,
            table.Column(data.Prediction!, "'data.prediction'", data.Position),
            label,
            data
        );
        var favorable = ClassReader.Favorable(label.Classes, data);
        var score = data.Score is null ? null : Score(table, data.Score, data.Position);
        var codes = GroupReader.Codes(table, policy.Groups);
        if (codes.Length > MostGroups)
        {
            throw policy
                .Groups[MostGroups]
                .Position.Error(
                    DiagnosticCodes.PolicyConflict,
                    $"The policy has {codes.Length} groups besides crosses; "
                        + $"the limit is {MostGroups}, so split the policy."
                );
        }

        var groups = policy
            .Groups.Select(g => (Policy: g, Parts: GroupReader.Parts(g, policy.Groups, codes)))
            .ToArray();

        // One set a combination of parts; that of all rows first.
        var sets = groups
            .GroupBy(g => Bits(g.Parts, codes))
            .Select(g => new CountedSet(
                g.Key,
                g.First().Parts,
                score is not null && g.Any(group => IsScored(group.Policy, group.Parts, scoredGroups))
            ))
            .Prepend(new(0, [], false))
            .ToArray();
        Cell[] cells =
        [
            .. table.Query(Sql(sets, codes, label.Coding, prediction.Coding, score ?? "NULL"), r => new Cell(
                r.GetInt64(0),
                label[r.GetInt32(1)],
                prediction[r.GetInt32(2)],
                r.IsDBNull(3) ? null : r.GetInt32(3),
                r.IsDBNull(4) ? null : r.GetDouble(4),
                r.GetInt64(5),
                [.. codes.Select((_, i) => r.GetInt32(6 + i))]
            )),
        ];
        var bySet = cells.ToLookup(c => c.Set);
        var all = bySet[0].ToArray();
        Check(all.Sum(c => c.Label < 0 ? c.Count : 0), label);
        Check(all.Sum(c => c.Prediction < 0 ? c.Count : 0), prediction);
        if (
            sets.Where(s => s.Scored).Select(s => bySet[s.Id].Sum(c => c.Step is null ? c.Count : 0)).FirstOrDefault()
            is > 0
                and var undefined
        )
        {
            throw data.Position.Error(
                DiagnosticCodes.DataValue,
                $"The score {Wording.Quote(data.Score!)} is not a number from 0 to 1 in {undefined} of "
                    + $"{table.Rows} rows."
            );
        }

        var byGroup = groups.ToImmutableDictionary(
            g => g.Policy.Name,
            g =>
            {
                var set = sets.First(s => s.Id == Bits(g.Parts, codes));
                Cell[] counted = [.. bySet[set.Id]];
                var group = GroupReader.Column(g.Policy, g.Parts, part =>
                    [.. counted.Select(c => c.Levels[codes.IndexOf(part)])]
                );
                return Rows(counted, group, set.Scored);
            }
        );
        notes.AddRange(
            policy
                .Groups.Where(g => g.Cross.IsEmpty)
                .SelectMany(g =>
                    GroupReader.Notes(
                        table,
                        g,
                        codes.First(c => c.Name == g.Name).Coding.Values.Length,
                        byGroup[g.Name].Ungrouped
                    )
                )
        );
        return new(label.Classes, favorable, Rows(all, null, false), byGroup) { Diagnostics = [.. notes] };

        void Check(long missing, ClassColumn column)
        {
            if (missing > 0)
                throw column.Missing(missing, table.Rows, data.Position);
        }
    }

    private static PredictedRows Rows(Cell[] cells, GroupColumn? group, bool scored) =>
        new([.. cells.Select(c => c.Label)], [.. cells.Select(c => c.Prediction)], group)
        {
            Counts = [.. cells.Select(c => checked((int)c.Count))],
            Scores = scored ? [.. cells.Select(c => c.Score ?? double.NaN)] : null,
            Steps = scored ? [.. cells.Select(c => (double)c.Step!.Value)] : null,
        };

    // Rows are grouped by their values; codes are looked up for the few groups that are left. Means are of whole
    // numbers, whose sum does not depend on the order in which threads add them.
    private static string Sql(
        CountedSet[] sets,
        ImmutableArray<GroupCode> codes,
        Coding label,
        Coding prediction,
        string score
    )
    {
        string Level(int i) => $"level_{i}";
        var levels = codes.Select((_, i) => Level(i)).ToArray();
        var keys = string.Concat(codes.Select((c, i) => $", {c.Coding.Key} AS {Level(i)}"));
        string Of(ImmutableArray<GroupCode> parts) => string.Concat(parts.Select(p => $", {Level(codes.IndexOf(p))}"));
        var grouped = sets.Select(s => $"(label, prediction{(s.Scored ? ", step" : "")}{Of(s.Parts)})");
        // A bit for each group that a set does not have.
        var set = levels.Length == 0 ? "0" : $"{(1L << levels.Length) - 1} - grouping_id({string.Join(", ", levels)})";
        return $"""
            SELECT CAST(counted AS BIGINT), {label.Code("label")}, {prediction.Code(
                "prediction"
            )}, step, score, n{string.Concat(codes.Select((c, i) => $", coalesce({c.Coding.Code(Level(i))}, -1)"))}
            FROM (
                SELECT {set} AS counted, label, prediction, {(
                sets.Any(s => s.Scored) ? "step" : "NULL"
            )} AS step, count(*) AS n, {string.Concat(levels.Select(l => $"{l}, "))}
                    CASE WHEN min(score) = max(score) THEN min(score)
                        ELSE CAST(sum(CAST(round(score * 1e15) AS BIGINT)) AS DOUBLE) / 1e15 / count(*) END AS score
                FROM (
                    SELECT * REPLACE (CASE WHEN score BETWEEN 0 AND 1 THEN score END AS score),
                        CASE WHEN score BETWEEN 0 AND 1 THEN {Step} END AS step
                    FROM (SELECT {label.Key} AS label, {prediction.Key} AS prediction,
                        CAST({score} AS DOUBLE) AS score{keys}
                        FROM source))
                GROUP BY GROUPING SETS ({string.Join(", ", grouped)}))
            ORDER BY ALL
            """;
    }

    private static long Bits(ImmutableArray<GroupCode> parts, ImmutableArray<GroupCode> codes) =>
        parts.Aggregate(0L, (bits, part) => bits | 1L << (codes.Length - 1 - codes.IndexOf(part)));

    private static bool IsScored(
        GroupPolicy group,
        ImmutableArray<GroupCode> parts,
        IReadOnlySet<string> scoredGroups
    ) =>
        parts.Aggregate(1L, (levels, part) => levels * Math.Max(1, part.Coding.Values.Length)) <= FewLevels
        || scoredGroups.Contains(group.Name);

    private static string Score(Table table, string name, SourcePosition at)
    {
        var column = table.Column(name, "'data.score'", at);
        return column.Kind == ColumnKind.Number
            ? column.Sql
            : throw at.Error(
                DiagnosticCodes.DataValue,
                $"'data.score' names {Wording.Quote(name)}, which is not a numeric column."
            );
    }

    private sealed record CountedSet(long Id, ImmutableArray<GroupCode> Parts, bool Scored);

    private sealed record Cell(long Set, int Label, int Prediction, int? Step, double? Score, long Count, int[] Levels);
}
