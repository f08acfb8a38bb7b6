using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>A column that names a class in each row.</summary>
/// <param name="Title">What messages call it: the label column 'y'.</param>
/// <param name="Classes">Label text of each class index.</param>
/// <param name="Coding">The column's own values.</param>
/// <param name="ClassOf">Class index of each of those.</param>
internal sealed record ClassColumn(string Title, ImmutableArray<string> Classes, Coding Coding, int[] ClassOf)
{
    /// <summary>The class of a row; negative where it has no value.</summary>
    /// <param name="code">What <see cref="Coding"/> gives.</param>
    public int this[int code] => code < 0 ? -1 : ClassOf[code];

    /// <summary>What to throw where rows have no value.</summary>
    /// <param name="missing">How many.</param>
    /// <param name="rows">Of how many.</param>
    /// <param name="at">Where the data is named.</param>
    /// <param name="first">The place of the first one, where it is known.</param>
    public GateException Missing(long missing, long rows, SourcePosition at, string? first = null) =>
        at.Error(
            DiagnosticCodes.DataValue,
            $"{Title} is missing in {missing} of {rows} rows{(first is null ? "" : $", first in {first}")}; "
                + "drop those rows or fill in the values."
        );
}

/// <summary>Reads which class rows are of.</summary>
internal static class ClassReader
{
    private const int MostClasses = 10_000;

    /// <summary>The labels: of the classes that the policy lists, or of those that occur.</summary>
    /// <param name="table">The data.</param>
    /// <param name="column">The column of labels.</param>
    /// <param name="data">The policy's classes, and where it names the data.</param>
    /// <param name="notes">Gets classes that are listed twice.</param>
    /// <param name="places">Where rows stand, for a label that is no class; null: it is told without.</param>
    /// <exception cref="GateException">PTG3003, PTG3004 at the data's place.</exception>
    public static ClassColumn Labels(
        Table table,
        TableColumn column,
        DataPolicy data,
        List<Diagnostic> notes,
        RowPlaces? places = null
    )
    {
        var (title, at) = ($"The label column {Wording.Quote(column.Name)}", data.Position);
        var coding = Code(table, column, title, at);
        if (!data.Classes.IsEmpty)
            return ReadClasses(title, Listed(data, notes), coding, at, "'data.classes' does not list", First);
        if (coding.Values.Length == 1)
            throw at.Error(
                DiagnosticCodes.DataEmpty,
                $"{title} has only one value, {Wording.Quote(coding.Values[0])}; "
                    + "a classifier needs at least two classes."
            );
        return new(title, coding.Values, coding, [.. Enumerable.Range(0, coding.Values.Length)]);

        string? First(int value) => places?[Array.IndexOf(table.Integers(coding.Sql), value)];
    }

    /// <summary>Predicted classes: among those of the labels.</summary>
    /// <exception cref="GateException">PTG3003, PTG3004 at the data's place.</exception>
    public static ClassColumn Predictions(Table table, TableColumn column, ClassColumn labels, DataPolicy data)
    {
        var title = $"The prediction column {Wording.Quote(column.Name)}";
        return ReadClasses(
            title,
            labels.Classes,
            Code(table, column, title, data.Position),
            data.Position,
            data.Classes.IsEmpty
                ? "the labels do not contain; if that is valid, list every class in 'data.classes'"
                : "'data.classes' does not list"
        );
    }

    /// <summary>The class that counts as the favorable outcome.</summary>
    /// <exception cref="GateException">PTG3003 at the data's place.</exception>
    public static int Favorable(ImmutableArray<string> classes, DataPolicy data)
    {
        if (data.Favorable is not { } favorable)
            return classes.Length - 1;
        var index = TruthValues.Find(classes, favorable);
        return index >= 0
            ? index
            : throw data.Position.Error(
                DiagnosticCodes.DataValue,
                $"'data.favorable' is {Wording.Quote(favorable)}, which is not a class; "
                    + $"use {Wording.List(classes.Take(20).Select(Wording.Quote), "or")}."
            );
    }

    // 1 and true are one class.
    private static ImmutableArray<string> Listed(DataPolicy data, List<Diagnostic> notes)
    {
        var (classes, twice) = TruthValues.Merge(data.Classes);
        if (classes.Length < 2)
        {
            throw data.Position.Error(
                DiagnosticCodes.DataValue,
                $"'data.classes' lists {Wording.Quote(twice[0].First)} and "
                    + $"{Wording.Quote(twice[0].Again)}, which are the same truth value; list at least two classes."
            );
        }

        notes.AddRange(
            twice.Select(t => new Diagnostic(
                DiagnosticCodes.DataValue,
                $"'data.classes' lists {Wording.Quote(t.First)} and "
                    + $"{Wording.Quote(t.Again)}, which are the same truth value; "
                    + $"both count as the class {Wording.Quote(t.First)}.",
                data.Position,
                Severity.Warning
            ))
        );
        return classes;
    }

    private static Coding Code(Table table, TableColumn column, string title, SourcePosition at)
    {
        var coding = table.Code(column, numbersInText: true, MostClasses)
            ?? throw at.Error(
                DiagnosticCodes.DataValue,
                $"{title} has more than {MostClasses} distinct values; use a column that holds classes."
            );
        return coding.Values.IsEmpty ? throw at.Error(DiagnosticCodes.DataValue, $"{title} is empty.") : coding;
    }

    private static ClassColumn ReadClasses(
        string title,
        ImmutableArray<string> classes,
        Coding coding,
        SourcePosition at,
        string unlisted,
        Func<int, string?>? first = null
    )
    {
        var classOf = coding.Values.Select(v => TruthValues.Find(classes, v)).ToArray();
        var unknown = coding.Values.Where((_, v) => classOf[v] < 0).Take(10).Select(Wording.Quote).ToArray();
        if (unknown.Length == 0)
            return new(title, classes, coding, classOf);
        var place = first?.Invoke(Array.IndexOf(classOf, -1)) is { } row ? $" ({row})" : "";
        throw at.Error(
            DiagnosticCodes.DataValue,
            $"{title} contains {Wording.List(unknown)}{place}, which {unlisted}."
        );
    }
}
