using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;

namespace PostTrainGate.Reporting;

/// <summary>The one place that makes text safe in GitHub's Markdown.</summary>
internal static class Markdown
{
    // zero-width space: keeps GitHub from seeing a mention, a reference, an emoji or a link
    private const string Break = "&#8203;";

    /// <summary>
    /// Text as it is, wherever a line goes on: in a table cell, after a list mark, inside bold. Nothing in it becomes
    /// markup, HTML, a mention, an issue reference, an emoji, a formula or a link.
    /// </summary>
    public static string Text(string? text, int longest = Untrusted.Longest)
    {
        var clean = Untrusted.Clean(text, longest);
        var safe = new StringBuilder(clean.Length + 16);
        for (var i = 0; i < clean.Length; i++)
        {
            var c = clean[i];
            safe.Append(
                c switch
                {
                    '<' => "&lt;",
                    '>' => "&gt;",
                    '&' => "&amp;",
                    '|' => "&#124;",
                    '\\' => "&#92;",
                    '`' => "&#96;",
                    '$' => "<span>$</span>",
                    '*' or '_' or '~' or '[' or ']' or '!' => $"\\{c}",
                    '@' or '#' => $"{c}{Break}",
                    ':' when i + 1 < clean.Length && clean[i + 1] != ' ' => $"&#58;{Break}",
                    '-' when EndsWith(clean, i, "gh") => $"-{Break}",
                    '.' when EndsWith(clean, i, "www") => $"{Break}.",
                    _ => c.ToString(),
                }
            );
        }

        return safe.ToString();
    }

    /// <summary>A path, name or command in code type; links and mentions do not work there.</summary>
    public static string Code(string? text, int longest = Untrusted.Longest)
    {
        var clean = Untrusted.Clean(text, longest).Trim();
        if (clean.Length == 0)
            return "(none)";
        // A pipe would end a table cell even inside back ticks, so such text goes the safer way.
        return clean.AsSpan().ContainsAny('`', '|', '\\') ? $"<code>{Text(clean, longest)}</code>" : $"`{clean}`";
    }

    /// <summary>A fenced block of one line that nothing in it can end.</summary>
    public static string Block(string language, string text)
    {
        var clean = Untrusted.Clean(text, 4000);
        var (longest, run) = (0, 0);
        foreach (var c in clean)
        {
            run = c == '`' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        var fence = new string('`', Math.Max(3, longest + 1));
        return $"{fence}{language}\n{clean}\n{fence}";
    }

    /// <summary>
    /// A sentence of ours; the strings in its holes are paths, names or commands and set in code type.
    /// </summary>
    public static string Sentence(FormattableString sentence) =>
        string.Format(
            CultureInfo.InvariantCulture,
            sentence.Format,
            [
                .. sentence
                    .GetArguments()
                    .Select(a =>
                        a switch
                        {
                            string text => Code(text),
                            Link link => $"[{Code(link.Text)}](<{link.Address.AbsoluteUri}>)",
                            _ => a,
                        }
                    ),
            ]
        );

    private static bool EndsWith(string text, int end, string word) =>
        end >= word.Length
        && text.AsSpan(end - word.Length, word.Length).Equals(word, StringComparison.OrdinalIgnoreCase)
        && (end == word.Length || !char.IsLetterOrDigit(text[end - word.Length - 1]));
}
