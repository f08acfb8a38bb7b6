using System.Globalization;
using System.Text;

namespace PostTrainGate.Foundation;

/// <summary>How messages quote what a file says, list what would be right, and find the nearest right name.</summary>
internal static class Wording
{
    private const int LongestQuote = 60;

    /// <summary>Text of the file in quotes, <see cref="Plain"/>.</summary>
    public static string Quote(string text) => $"'{Plain(text, LongestQuote)}'";

    /// <summary>
    /// Text of the file as a message may show it: in one line, nothing in it that a terminal or a log would obey.
    /// </summary>
    public static string Plain(string text, int longest)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= longest)
                return shown.Append("...").ToString();
            if (IsPlain(rune))
                shown.Append(rune);
            else
                shown.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
        }

        return shown.ToString();
    }

    /// <summary>A number as the policy writes it.</summary>
    public static string Number(double value) => value.ToString("0.##########", CultureInfo.InvariantCulture);

    /// <summary><c>a, b and c</c>.</summary>
    public static string List(IEnumerable<string> names, string last = "and")
    {
        var all = names.ToList();
        return all.Count < 2 ? string.Concat(all) : $"{string.Join(", ", all[..^1])} {last} {all[^1]}";
    }

    /// <summary>
    /// The name that was probably meant: the nearest by edit distance, if it is near enough to be a slip.
    /// </summary>
    public static string? Nearest(string name, IEnumerable<string> names)
    {
        if (name.Length > 64)
            return null;
        var meant = Loose(name);
        var best = names
            .Select(n => (Name: n, Distance: Distance(meant, Loose(n))))
            .OrderBy(n => n.Distance)
            .FirstOrDefault();
        return best.Name is not null && best.Distance <= Math.Min(meant.Length, best.Name.Length) / 3
            ? best.Name
            : null;
    }

    // Case and the choice of separator are slips that cost nothing.
    private static string Loose(string name) => name.ToLowerInvariant().Replace('-', '_').Replace(' ', '_');

    private static bool IsPlain(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is not (
                UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned
            );

    // Optimal string alignment: insertions, deletions, substitutions and swaps of neighbors, one each.
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(change, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
