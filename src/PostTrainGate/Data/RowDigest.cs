using System.Globalization;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>What tells rows from others: a hash of their inputs, their labels and what their columns mean.</summary>
internal static class RowDigest
{
    private const int RowsAtOnce = 256;

    /// <summary>That of a split.</summary>
    public static string Of(EvaluationSet rows) =>
        Hash.Compute(content =>
        {
            foreach (var column in Columns(rows.Layout))
                content.Write(column);
            foreach (var size in (long[])[rows.Count, .. rows.InputShape])
                content.Write(size);
            foreach (var label in rows.LabelValues)
                content.Write(label);
            for (var start = 0; start < rows.Count; start += RowsAtOnce)
            {
                using var part = rows.InputsOf(start, Math.Min(RowsAtOnce, rows.Count - start));
                using var values = part.contiguous();
                content.Write(values.bytes);
            }
        });

    /// <summary>All that decides what a row means and may become, a line a column.</summary>
    public static IEnumerable<string> Columns(FeatureLayout? layout) =>
        (layout?.Columns ?? []).Select(c =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{c.Name} {c.Start} {string.Join(' ', c.Categories)} {c.Offset:R} {c.Divisor:R} {c.Numbers} "
                    + $"{c.Lowest:R} {c.Highest:R} {c.Immutable}"
            )
        );
}
