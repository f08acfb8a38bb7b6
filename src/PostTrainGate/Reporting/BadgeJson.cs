using System.Text.Json.Nodes;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary><c>badge.json</c>: the outcome as an endpoint badge of shields.io.</summary>
public sealed class BadgeJson : IReportWriter
{
    /// <inheritdoc/>
    public string Name => "badge";

    /// <inheritdoc/>
    public string FileName => "badge.json";

    /// <inheritdoc/>
    public string Summary => "The outcome as a badge, for the endpoint of shields.io.";

    /// <inheritdoc/>
    public bool Always => true;

    /// <inheritdoc/>
    public string Mark => @"\A\{""schemaVersion"":1,""label"":""model gate"",";

    /// <inheritdoc/>
    public string Render(GateResult result)
    {
        var passing = result.Gates.Count(g => g.Original.Verdict == Verdict.Pass);
        var word = ResultText.Outcome(result).ToLowerInvariant();
        var color = result.Outcome switch
        {
            RunOutcome.Passed => ResultText.AllPass(result) ? "brightgreen" : "yellowgreen",
            RunOutcome.Failed => "red",
            _ => "yellow",
        };
        return new JsonObject
            {
                ["schemaVersion"] = 1,
                ["label"] = "model gate",
                ["message"] = FormattableString.Invariant($"{word}, {passing}/{result.Gates.Length}"),
                ["color"] = color,
            }.ToJsonString() + "\n";
    }
}
