using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace PostTrainGate.Cli.GitHub;

/// <summary>A part of the comment: what one check of one policy has to say.</summary>
/// <param name="Marker">Whose it is.</param>
/// <param name="Text">Markdown below the marker.</param>
internal sealed record CommentSection(CommentMarker Marker, string Text);

/// <summary>
/// The comment of a pull request: a section for each policy, and for each leg of a matrix that has an id. The comment's
/// text is the only place where they are kept, so all that a run writes it has read before.
/// </summary>
/// <param name="Sections">One a key, the worst first.</param>
internal sealed record CommentBody(ImmutableArray<CommentSection> Sections)
{
    /// <summary>Most characters that GitHub takes.</summary>
    public const int Limit = 65_536;

    private const int LeftOutLength = 64;
    private const string OlderLead = "> ⏳ ";

    /// <summary>The sections of a text; none when it is not ours.</summary>
    public static CommentBody Parse(string? text)
    {
        var sections = ImmutableArray.CreateBuilder<CommentSection>();
        if (CommentMarker.TryParse(text) is null)
            return new(sections.ToImmutable());
        CommentMarker? marker = null;
        var content = new StringBuilder();
        foreach (var line in text!.ReplaceLineEndings("\n").Split('\n'))
        {
            if (CommentMarker.TryParse(line) is { } next)
            {
                Close();
                marker = next;
                continue;
            }

            if (content.Length > 0 || !line.StartsWith(OlderLead, StringComparison.Ordinal))
                content.Append(line).Append('\n');
        }

        Close();
        return new(sections.ToImmutable());

        void Close()
        {
            if (marker is not null)
                sections.Add(new(marker, content.ToString().Trim('\n')));
            content.Clear();
        }
    }

    /// <summary>All sections of several texts; of two with one key that of the later run.</summary>
    public static CommentBody Merge(IEnumerable<CommentBody> bodies) => new(Sorted(bodies.SelectMany(b => b.Sections)));

    /// <summary>The same with a section, unless there is one of a later run.</summary>
    public CommentBody With(CommentSection section) => new(Sorted([section, .. Sections]));

    /// <summary>The section of a key; null when there is none.</summary>
    public CommentSection? Find(CommentMarker marker) => Sections.FirstOrDefault(s => s.Marker.Key == marker.Key);

    /// <summary>
    /// The comment. Where not all fits, sections are cut to their headings, the best first; the run that each is of has
    /// the whole of it.
    /// </summary>
    /// <param name="heads">Commits whose sections are not older ones; none when they are not known.</param>
    public string Render(ImmutableArray<string> heads)
    {
        string[] whole = [.. Sections.Select(s => Shown(s, heads, Safe(s.Text)))];
        string[] brief = [.. Sections.Select(s => Shown(s, heads, Heading(s.Text)))];
        // First all are cut to their headings one after the other, the last first, then left out.
        var (kept, shown) = (whole.Length, whole.Length);
        var length = whole.Sum(t => (long)t.Length);
        for (; length > Limit && kept > 0; kept--)
            length -= whole[kept - 1].Length - brief[kept - 1].Length;
        for (; length > Limit - LeftOutLength && shown > 0 && kept == 0; shown--)
            length -= brief[shown - 1].Length;
        var text = string.Concat(whole.Take(Math.Min(kept, shown)).Concat(brief.Take(shown).Skip(kept)));
        if (shown < whole.Length)
            text += string.Create(
                CultureInfo.InvariantCulture,
                $"{whole.Length - shown} more have no place in a comment.\n"
            );
        return text.TrimEnd('\n');
    }

    private static string Shown(CommentSection section, ImmutableArray<string> heads, string content) =>
        $"{section.Marker}\n{(Older(section, heads) is { } older ? $"{OlderLead}{older}\n\n" : "")}{content}\n\n";

    private static string? Older(CommentSection section, ImmutableArray<string> heads) =>
        heads.IsEmpty || heads.Contains(section.Marker.Head, StringComparer.OrdinalIgnoreCase) ? null
        : section.Marker.Head is { Length: >= 7 } known
            ? $"Of the older commit `{known[..7]}`; not yet run for this one."
        : "Of an older commit; not yet run for this one.";

    // The heading, and the last line, which leads to the run.
    private static string Heading(string text)
    {
        var lines = text.Split('\n');
        var foot =
            lines.Length > 1 && lines[^1].StartsWith("<sub>", StringComparison.Ordinal) ? $"\n\n{lines[^1]}" : "";
        return $"{Safe(lines[0])}\n\nThe comment is full; the job summary has the whole report.{foot}";
    }

    // No line of a report may pass for a marker.
    private static string Safe(string text) =>
        $"\n{text}".Replace($"\n{CommentMarker.Lead}", $"\n {CommentMarker.Lead}", StringComparison.Ordinal)[1..];

    private static ImmutableArray<CommentSection> Sorted(IEnumerable<CommentSection> sections) =>
        [
            .. sections
                .GroupBy(s => s.Marker.Key)
                .Select(g => g.OrderByDescending(s => s.Marker.Age).First())
                .OrderBy(s => s.Marker.Rank)
                .ThenBy(s => s.Marker.Policy, StringComparer.Ordinal)
                .ThenBy(s => s.Marker.Id, StringComparer.Ordinal),
        ];
}
