using System.Globalization;
using System.Net;
using PostTrainGate.Foundation;

namespace PostTrainGate.Reporting;

/// <summary>The one place that makes text safe in HTML, in content and in quoted attributes.</summary>
internal static class Html
{
    /// <summary>Text as it is.</summary>
    public static string Text(string? text) => WebUtility.HtmlEncode(Untrusted.Clean(text, 2000));

    /// <summary>A path, name or command.</summary>
    public static string Code(string? text) => $"<code>{Text(text)}</code>";

    /// <summary>
    /// A sentence of ours; the strings in its holes are paths, names or commands and set in code type.
    /// </summary>
    public static string Sentence(FormattableString sentence) =>
        string.Format(
            CultureInfo.InvariantCulture,
            Text(sentence.Format),
            [.. sentence.GetArguments().Select(a => a is string or Link ? Code(a.ToString()) : a)]
        );
}
