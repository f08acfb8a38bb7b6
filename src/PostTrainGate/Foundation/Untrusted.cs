using System.Buffers;
using System.Globalization;
using System.Text;

namespace PostTrainGate.Foundation;

/// <summary>
/// Text that came from a policy, a model or a data file, made fit for one line of any report. What a format treats
/// specially is the business of that format's own escaping (Markdown, Html).
/// </summary>
internal static class Untrusted
{
    /// <summary>Longest text that a report shows of one name or message, in UTF-16 units.</summary>
    public const int Longest = 400;

    /// <summary>
    /// One line without control characters, without characters that reorder or hide others (bidirectional overrides,
    /// zero-width characters) and without broken surrogates; longer text ends in an ellipsis.
    /// </summary>
    public static string Clean(string? text, int longest = Longest)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        var clean = new StringBuilder(Math.Min(text.Length, longest));
        for (var rest = text.AsSpan(); rest.Length > 0; )
        {
            var status = Rune.DecodeFromUtf16(rest, out var rune, out var used);
            rest = rest[used..];
            if (clean.Length + used > longest)
                return clean.Append('…').ToString();
            clean.Append(status == OperationStatus.Done ? Fit(rune) : "\uFFFD");
        }

        return clean.ToString();
    }

    private static string Fit(Rune rune) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => " ",
            // joiners belong to scripts and emoji
            UnicodeCategory.Format when rune.Value is not (0x200C or 0x200D) => "",
            // not a character, and not legal in XML
            UnicodeCategory.OtherNotAssigned when (rune.Value & 0xFFFE) == 0xFFFE => "\uFFFD",
            _ => rune.ToString(),
        };
}
