using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace PostTrainGate.MSBuild;

/// <summary>
/// One line of the engine in the canonical form of MSBuild, <c>file(line,column): error PTG1001: message</c>.
/// </summary>
/// <remarks>
/// MSBuild's own reader is more generous: it takes any text with "error something:" in it for an error, and part of
/// what the engine prints comes from policies and models that nobody vouches for.
/// </remarks>
internal sealed class GateLine
{
    private static readonly Regex Canonical = new(
        @"^(?:(?<file>.+?)(?:\((?<line>\d{1,9}),(?<column>\d{1,9})\))?\s?: )?(?<level>error|warning|message) "
            + @"(?<code>[A-Z]{2,8}\d{1,6}): (?<text>.*)$",
        RegexOptions.CultureInvariant
    );

    private readonly Match match;

    private GateLine(Match match) => this.match = match;

    public bool IsError => Text("level") == "error";

    public bool IsWarning => Text("level") == "warning";

    /// <summary>The parts of a canonical line; null for any other line.</summary>
    public static GateLine? Parse(string line) => Canonical.Match(line) is { Success: true } match ? new(match) : null;

    /// <summary>Logs as error, warning or message; what names no file is said about the policy.</summary>
    public void Log(TaskLoggingHelper log, string policy)
    {
        var file = Text("file") is "" or "posttraingate" ? policy : Text("file");
        if (IsError)
            log.LogError(null, Text("code"), null, file, Number("line"), Number("column"), 0, 0, "{0}", Text("text"));
        else if (IsWarning)
            log.LogWarning(null, Text("code"), null, file, Number("line"), Number("column"), 0, 0, "{0}", Text("text"));
        else
            log.LogMessage(MessageImportance.High, "{0}", match.Value);
    }

    private string Text(string group) => match.Groups[group].Value;

    private int Number(string group) =>
        match.Groups[group] is { Success: true } g ? int.Parse(g.Value, CultureInfo.InvariantCulture) : 0;
}
