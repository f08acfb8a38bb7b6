using System.Collections.Immutable;
using System.Globalization;

namespace PostTrainGate.Data;

/// <summary>
/// What values mean in whatever spelling: a number, and of truth values, <c>true</c> and <c>false</c> in any case, 1 and 0.
/// </summary>
internal static class TruthValues
{
    /// <summary>
    /// Index of a value among names: the name that is spelled alike, or where there is none, the only one that means
    /// the same truth value or the same number, as 3 and 3.0 do; -1 where there is no such.
    /// </summary>
    public static int Find(ImmutableArray<string> names, string value)
    {
        if (names.IndexOf(value) is >= 0 and var exact)
            return exact;
        return Meaning(value) is { } meaning ? Only(names, name => Meaning(name) == meaning) : -1;
    }

    /// <summary>Two of the names that mean the same, as 4 and 4.0 do; null where there are none.</summary>
    public static (string First, string Again)? Alike(IEnumerable<string> names) =>
        names
            .Where(n => Meaning(n) is not null)
            .GroupBy(Meaning)
            .Select(g => g.Take(2).ToArray())
            .FirstOrDefault(g => g.Length > 1)
            is [var first, var again]
            ? (first, again)
            : null;

    /// <summary>The names less those that spell the truth value of an earlier one in another way; these too.</summary>
    public static (ImmutableArray<string> Names, ImmutableArray<(string First, string Again)> Twice) Merge(
        ImmutableArray<string> names
    )
    {
        var twice = names
            .Where(n => Meaning(n) is 0 or 1)
            .GroupBy(Meaning)
            .SelectMany(same => same.Skip(1).Select(again => (First: same.First(), Again: again)))
            .ToImmutableArray();
        return (twice.IsEmpty ? names : [.. names.Where(n => twice.All(t => t.Again != n))], twice);
    }

    private static int Only(ImmutableArray<string> names, Func<string, bool> means)
    {
        int[] alike = [.. names.Index().Where(n => means(n.Item)).Select(n => n.Index)];
        return alike is [var only] ? only : -1;
    }

    // Truth values are 0 and 1.
    private static double? Meaning(string text) =>
        text.Equals("true", StringComparison.OrdinalIgnoreCase) ? 1
        : text.Equals("false", StringComparison.OrdinalIgnoreCase) ? 0
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number)
            ? number
        : null;
}
