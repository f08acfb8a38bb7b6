using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// Values that rows lack. A model that takes them gets NaN in numbers and empty text in text; whether it does, its
/// scores on those rows show.
/// </summary>
internal static class MissingValues
{
    /// <summary>What to do about missing values of columns, at the end of every message about them.</summary>
    public const string Advice =
        "fill them in, drop the rows ('features.missing: drop') or exclude the column ('features.except')";

    /// <summary>What to do about missing values of arrays, which have no columns.</summary>
    public const string ArrayAdvice = "fill them in or remove the rows";

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
                $"Values are missing: {Named(missing)}, of {DataProblem.Rows(rows)}. The model receives NaN "
                    + "for numbers and empty strings for text. To reject such rows, set 'features.missing: error'.",
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
            $"{DataProblem.Rows(dropped)} of {dropped + left} had missing values "
            + $"and {(dropped == 1 ? "was" : "were")} dropped, "
            + "as 'features.missing' requests";
        if (left == 0)
            throw data.Position.Error(DiagnosticCodes.DataEmpty, $"{what}; no rows are left.");
        notes.Add(new(DiagnosticCodes.DataValue, $"{what}.", data.Position, Severity.Warning));
    }

    /// <summary>Columns that lack values, the first few by name.</summary>
    public static string Named(IReadOnlyList<(string Column, int Rows)> missing)
    {
        var first = missing.Take(MostNamed).Select(m => $"{Wording.Quote(m.Column)} in {DataProblem.Rows(m.Rows)}");
        return Wording.List(
            missing.Count <= MostNamed ? first : first.Append($"{missing.Count - MostNamed} more columns")
        );
    }
}
