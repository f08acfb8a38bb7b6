using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

/// <summary>
/// <c>gate.sarif</c>, SARIF 2.1.0: every diagnostic at the policy's line, for code scanning. What passes is not an
/// alert and is left out.
/// </summary>
public sealed class SarifReport : IReportWriter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <inheritdoc/>
    public string Name => "sarif";

    /// <inheritdoc/>
    public string FileName => "gate.sarif";

    /// <inheritdoc/>
    public string Summary => "Every finding at the policy's line, for code scanning (SARIF 2.1.0).";

    /// <inheritdoc/>
    public bool Always => false;

    /// <inheritdoc/>
    public string Mark => "\"name\": \"PostTrainGate\"";

    /// <inheritdoc/>
    public string Render(GateResult result)
    {
        var codes = result.Diagnostics.Select(d => d.Code).Distinct().Order(StringComparer.Ordinal).ToList();
        var log = new JsonObject
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(
                new JsonObject
                {
                    ["tool"] = new JsonObject
                    {
                        ["driver"] = new JsonObject
                        {
                            ["name"] = "PostTrainGate",
                            ["version"] = Untrusted.Clean(result.Tool),
                            ["rules"] = new JsonArray([.. codes.Select(Rule)]),
                        },
                    },
                    // Code scanning keeps the alerts of different policies apart by it.
                    ["automationDetails"] = new JsonObject
                    {
                        ["id"] = $"posttraingate/{Address(result.Policy, result.Root)}/",
                    },
                    ["columnKind"] = "utf16CodeUnits",
                    ["results"] = new JsonArray([
                        .. result.Diagnostics.Select(d => Finding(result, d, codes.IndexOf(d.Code))),
                    ]),
                }
            ),
        };
        return log.ToJsonString(Indented) + "\n";
    }

    private static JsonNode Rule(string code)
    {
        var name = typeof(DiagnosticCodes)
            .GetFields()
            .First(f => f.GetRawConstantValue() is string c && c == code)
            .Name;
        return new JsonObject
        {
            ["id"] = code,
            ["name"] = name,
            ["shortDescription"] = new JsonObject { ["text"] = RuleHelp.Meaning(code) },
            ["fullDescription"] = new JsonObject { ["text"] = RuleHelp.Meaning(code) },
            ["help"] = new JsonObject { ["text"] = $"{RuleHelp.Meaning(code)} {RuleHelp.Advice(code)}" },
        };
    }

    private static JsonNode Finding(GateResult result, Diagnostic diagnostic, int rule)
    {
        var position = diagnostic.Position ?? new SourcePosition(result.Policy, 0, 0);
        var region = new JsonObject { ["startLine"] = Math.Max(1, position.Line) };
        if (position.Column > 0)
            region["startColumn"] = position.Column;
        var address = Address(position.File, result.Root);
        var location = new JsonObject
        {
            ["artifactLocation"] = new JsonObject { ["uri"] = address },
            ["region"] = region,
        };

        // The gate, not its value: the alert stays the same one while the value moves.
        var subject = result.Gates.FirstOrDefault(g => g.Position == diagnostic.Position)?.Title ?? diagnostic.Message;
        var print = Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{diagnostic.Code}\n{address}\n{subject}"))
        );
        return new JsonObject
        {
            ["ruleId"] = diagnostic.Code,
            ["ruleIndex"] = rule,
            ["level"] = diagnostic.Severity switch
            {
                Severity.Error => "error",
                Severity.Warning => "warning",
                _ => "note",
            },
            ["message"] = new JsonObject { ["text"] = Message(diagnostic.Message) },
            ["locations"] = new JsonArray(new JsonObject { ["physicalLocation"] = location }),
            ["partialFingerprints"] = new JsonObject { ["posttraingateGate/v1"] = print },
        };
    }

    // In a SARIF message, braces make placeholders and [text](target) a link.
    private static string Message(string text) =>
        Untrusted
            .Clean(text, 2000)
            .Replace("](", "] (", StringComparison.Ordinal)
            .Replace("{", "{{", StringComparison.Ordinal)
            .Replace("}", "}}", StringComparison.Ordinal);

    // Relative to the repository's root, from wherever the run was started; percent-encoded part by part.
    private static string Address(string file, string? root)
    {
        if (root is not null && Below(root, Path.GetFullPath(file)) is { } below)
            file = below;
        if (Path.IsPathFullyQualified(file))
            return $"file:///{string.Join('/', file.Replace('\\', '/').TrimStart('/').Split('/').Select(Part))}";
        var parts = file.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".");
        return string.Join('/', parts.Select(Part));
    }

    private static string? Below(string root, string file) =>
        new[] { file, RealPaths.Follow(file) ?? file }
            .Where(f => RealPaths.IsInside(root, f, orEqual: false))
            .Select(f => Path.GetRelativePath(root, f))
            .FirstOrDefault();

    // A drive keeps its colon.
    private static string Part(string part) => part is [_, ':'] ? part : Uri.EscapeDataString(part);
}
