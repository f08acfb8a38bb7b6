using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// Values that rows lack. A model that takes them gets NaN in numbers and empty text in text; whether it does, its scores on those
/// rows show.
/// </summary>
internal static class MissingValues
{
    /// <summary>What to do about missing values, at the end of every message about them.</summary>
    public const string Advice =
        "fill them in, leave the rows out ('features.missing: drop') or the column ('features.except')";

    private const int MostNamed = 5;

    /// <summary>Says which columns lack values.</summary>
    /// <param name="missing">Columns and the number of rows that have no value there.</param>
    /// <param name="rows">Number of all rows.</param>
    /// <param name="data">Where the note stands.</param>
    /// <param name="notes">Gets the note.</param>
    public static void Note(
        IReadOnlyList<(string Column, int Rows)> missing,
        int rows,
        DataPolicy data,
        List<Diagnostic> notes
    )
    {
        if (missing.Count == 0)
            return;
        notes.Add(
            new(
                DiagnosticCodes.DataValue,
                $"Values are missing: {Named(missing)}, of {DataProblem.Rows(rows)}. The model gets NaN "
                    + "for a number and empty text for text there; 'features.missing: error' refuses such rows.",
                data.Position,
                Severity.Note
            )
        );
    }

    /// <summary>Says that rows were left out.</summary>
    /// <exception cref="GateException">PTG3004: none is left.</exception>
    public static void Dropped(long dropped, long left, DataPolicy data, List<Diagnostic> notes)
    {
        if (dropped == 0)
            return;
        var what =
            $"{DataProblem.Rows(dropped)} of {dropped + left} with missing values {(dropped == 1 ? "is" : "are")} left out, as "
            + "'features.missing' says";
        if (left == 0)
            throw data.Position.Error(DiagnosticCodes.DataEmpty, $"{what}; no row is left.");
        notes.Add(new(DiagnosticCodes.DataValue, $"{what}.", data.Position, Severity.Warning));
    }

    /// <summary>Refuses a model whose scores are not numbers, or which does not run, where values are missing.</summary>
    /// <exception cref="GateException">PTG3003.</exception>
    public static void Check(EvaluationPolicy policy, Classifier model, DataSplits splits)
    {
        var (undefined, why) = (0, (string?)null);
        foreach (var set in new[] { splits.Repair, splits.Select, splits.Test })
        {
            if (set.IncompleteRows is not { IsEmpty: false } rows)
                continue;
            using var part = set.Take(rows.AsSpan());
            try
            {
                using var scores = model.LogitsOfAll(part.Inputs);
                using var undefinedRows = scores.softmax(1).isnan().any(1).sum();
                undefined += (int)undefinedRows.item<long>();
            }
            catch (GateException refused)
            {
                (undefined, why) = (undefined + rows.Length, refused.Message);
            }
        }

        if (undefined == 0)
            return;
        var layout = splits.Test.Layout;
        var columns = layout?.Columns.Where(c => c.Missing > 0).Select(c => (c.Name, c.Missing)).ToArray() ?? [];
        var named =
            columns.Length == 0 ? "The inputs have missing values (NaN)" : $"Values are missing: {Named(columns)}";
        var found = why is null
            ? $"the scores of the model are no numbers in {DataProblem.Rows(undefined)} that lack one"
            : $"the model does not run on these rows ({why.TrimEnd('.')})";
        throw policy.Data.Position.Error(
            DiagnosticCodes.DataValue,
            $"{named}; {found}, so it does not take missing values: {Advice}."
        );
    }

    private static string Named(IReadOnlyList<(string Column, int Rows)> missing)
    {
        var first = missing
            .Take(MostNamed)
            .Select(m => $"{Wording.Quote(m.Column)} has no value in {DataProblem.Rows(m.Rows)}");
        return Wording.List(
            missing.Count <= MostNamed ? first : first.Append($"{missing.Count - MostNamed} more columns lack some")
        );
    }
}
