using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// What a value is made of: the same measure on parts of the rows, such as classes or groups. It explains, it is not
/// judged.
/// </summary>
/// <param name="Title">What was measured and by what, such as <c>accuracy by class</c>.</param>
/// <param name="Parts">A value a part, in the order that the data gives.</param>
public sealed record Breakdown(string Title, ImmutableArray<BreakdownPart> Parts)
{
    /// <summary>Whether the parts are points of one curve, named by where they stand on its axis.</summary>
    public bool IsCurve { get; init; }

    /// <inheritdoc cref="ByClass(string, EvaluationSet, IEnumerable{int}, Func{int, bool}, double)"/>
    internal static Breakdown ByClass(string title, EvaluationSet data, Func<int, bool> holds, double confidence) =>
        ByClass(title, data, Enumerable.Range(0, data.Count), holds, confidence);

    /// <summary>
    /// The share of rows that <paramref name="holds"/> names, by true class, with Wilson's intervals.
    /// </summary>
    /// <param name="title">For people.</param>
    /// <param name="data">Labels and names of classes.</param>
    /// <param name="rows">The rows that were looked at.</param>
    /// <param name="holds">Per row whether it counts.</param>
    /// <param name="confidence">Level of every interval.</param>
    internal static Breakdown ByClass(
        string title,
        EvaluationSet data,
        IEnumerable<int> rows,
        Func<int, bool> holds,
        double confidence
    )
    {
        var (hits, counts) = (new int[data.ClassNames.Length], new int[data.ClassNames.Length]);
        foreach (var row in rows)
        {
            counts[data.LabelValues[row]]++;
            if (holds(row))
                hits[data.LabelValues[row]]++;
        }

        return ByClass(title, data.ClassNames, hits, counts, confidence);
    }

    /// <summary>Shares by true class that were counted before, with Wilson's intervals.</summary>
    internal static Breakdown ByClass(
        string title,
        ImmutableArray<string> classes,
        int[] hits,
        int[] counts,
        double confidence
    ) =>
        new(
            title,
            [
                .. classes.Select(
                    (name, i) =>
                        BreakdownPart.FromMeasurement(
                            name,
                            counts[i] == 0 ? null : Intervals.Proportion(hits[i], counts[i], confidence)
                        )
                ),
            ]
        );
}

/// <summary>One part of a breakdown; no value where it has no rows.</summary>
/// <param name="Name">The class, the group or the cell.</param>
/// <param name="Value">The estimate.</param>
/// <param name="Lower">Lower end of its interval.</param>
/// <param name="Upper">Upper end of its interval.</param>
/// <param name="Count">Rows it rests on.</param>
public sealed record BreakdownPart(string Name, double? Value, double? Lower, double? Upper, int Count)
{
    /// <summary>A part from its measurement; null: it has no rows.</summary>
    internal static BreakdownPart FromMeasurement(string name, Measurement? measured) =>
        measured is { IsMeasured: true } m
            ? new(name, m.Value, m.Lower, m.Upper, m.Count)
            : new(name, null, null, null, measured?.Count ?? 0);
}
