using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using PostTrainGate.Gating;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// The hidden first line of a comment's section: which policy it is about, for which commit, how it ended, and which
/// run wrote it.
/// </summary>
/// <param name="Policy">The policy's path in the repository.</param>
/// <param name="Run">Number of the run.</param>
/// <param name="Attempt">Attempt of the run.</param>
internal sealed partial record CommentMarker(string Policy, long Run, int Attempt)
{
    /// <summary>How every marker begins.</summary>
    public const string Lead = "<!-- posttraingate ";

    private const int Longest = 300;

    /// <summary>What tells several checks of one policy apart, such as legs of a matrix; empty for one.</summary>
    public string Id { get; init; } = "";

    /// <summary>Commit that it is about; empty where that is not known.</summary>
    public string Head { get; init; } = "";

    /// <summary>How it ended; null when it could not run.</summary>
    public RunOutcome? Outcome { get; init; }

    /// <summary>
    /// The marker of a run; a long path is told from others by its hash, as a comment has no room for it.
    /// </summary>
    public static CommentMarker For(string policy, (long Run, int Attempt) run, string id = "") =>
        new(Shortened(policy), run.Run, run.Attempt) { Id = Shortened(id) };

    /// <summary>What tells sections apart.</summary>
    public (string Policy, string Id) Key => (Policy, Id);

    /// <summary>The pair that orders runs.</summary>
    public (long Run, int Attempt) Age => (Run, Attempt);

    /// <summary>The worst first.</summary>
    public int Rank =>
        Outcome switch
        {
            null => 0,
            RunOutcome.Failed => 1,
            RunOutcome.Undecided => 2,
            _ => 3,
        };

    /// <summary>The marker at the beginning of a text; null when there is none.</summary>
    public static CommentMarker? TryParse(string? body) =>
        Line().Match(body ?? "") is { Success: true } match
        && long.TryParse(match.Groups["run"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var run)
        && int.TryParse(
            match.Groups["attempt"].ValueSpan,
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var attempt
        )
            ? new(Uri.UnescapeDataString(match.Groups["policy"].Value), run, attempt)
            {
                Id = Uri.UnescapeDataString(match.Groups["id"].Value),
                Head = match.Groups["head"].Value,
                Outcome = Enum.TryParse<RunOutcome>(match.Groups["outcome"].Value, ignoreCase: true, out var outcome)
                    ? outcome
                    : null,
            }
            : null;

    /// <summary>The line. A hyphen in a name is encoded too: two of them would end the HTML comment.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Lead}policy={Encoded(Policy)}");
        if (Id.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $" id={Encoded(Id)}");
        text.Append(CultureInfo.InvariantCulture, $" run={Run} attempt={Attempt}");
        if (Head.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $" head={Head}");
        if (Outcome is { } outcome)
            text.Append(CultureInfo.InvariantCulture, $" outcome={outcome.ToString().ToLowerInvariant()}");
        return text.Append(" -->").ToString();
    }

    private static string Shortened(string name) =>
        name.Length > Longest ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name))) : name;

    private static string Encoded(string name) =>
        Uri.EscapeDataString(name).Replace("-", "%2D", StringComparison.Ordinal);

    [GeneratedRegex(
        @"\A<!-- posttraingate policy=(?<policy>\S+)( id=(?<id>\S+))? run=(?<run>\d+) attempt=(?<attempt>\d+)"
            + @"( head=(?<head>[0-9A-Fa-f]+))?( outcome=(?<outcome>[a-z]+))? -->"
    )]
    private static partial Regex Line();
}
