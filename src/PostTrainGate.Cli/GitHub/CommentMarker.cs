using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// The hidden first line of a comment: which policy it is about (two policies have two comments) and which run wrote
/// it.
/// </summary>
/// <param name="Policy">The policy's path in the repository.</param>
/// <param name="Run">Number of the run.</param>
/// <param name="Attempt">Attempt of the run.</param>
internal sealed partial record CommentMarker(string Policy, long Run, int Attempt)
{
    private const int Longest = 300;

    /// <summary>
    /// The marker of a run; a long path is told from others by its hash, as a comment has no room for it.
    /// </summary>
    public static CommentMarker For(string policy, (long Run, int Attempt) run)
    {
        if (policy.Length > Longest)
            policy = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(policy)));
        return new(policy, run.Run, run.Attempt);
    }

    /// <summary>The pair that orders runs.</summary>
    public (long Run, int Attempt) Age => (Run, Attempt);

    /// <summary>The marker of a comment; null when it has none at its beginning.</summary>
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
            : null;

    /// <summary>The line. A hyphen in the path is encoded too: two of them would end the HTML comment.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"<!-- posttraingate policy={Uri.EscapeDataString(Policy).Replace("-", "%2D", StringComparison.Ordinal)} "
                + $"run={Run} attempt={Attempt} -->"
        );

    [GeneratedRegex(@"\A<!-- posttraingate policy=(?<policy>\S+) run=(?<run>\d+) attempt=(?<attempt>\d+) -->")]
    private static partial Regex Line();
}
