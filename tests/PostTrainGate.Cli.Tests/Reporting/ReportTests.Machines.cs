using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using NJsonSchema;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

// What programs read.
public partial class ReportTests
{
    [Fact]
    public void The_schema_in_the_repository_is_that_of_the_records() =>
        Generated.Same($"docs/{ResultSchema.FileName}", _ => ResultSchema.Generate());

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task The_schema_accepts_every_result(string sample)
    {
        var schema = await JsonSchema.FromJsonAsync(ResultSchema.Generate(), TestContext.Current.CancellationToken);
        Assert.Empty(schema.Validate(Json.Render(Sample(sample))));
    }

    [Theory]
    [InlineData("\"outcome\": \"failed\"", "\"outcome\": \"lost\"")]
    [InlineData("\"seed\": 7", "\"seed\": \"7\"")]
    [InlineData("\"verdict\": \"not_measured\"", "\"verdict\": \"none\"")]
    [InlineData("\"tool\": ", "\"tol\": ")]
    public async Task The_schema_refuses_what_is_no_result(string was, string becomes)
    {
        var schema = await JsonSchema.FromJsonAsync(ResultSchema.Generate(), TestContext.Current.CancellationToken);
        var text = Json.Render(SampleResults.Repaired);
        Assert.Contains(was, text, StringComparison.Ordinal);
        Assert.NotEmpty(schema.Validate(text.Replace(was, becomes, StringComparison.Ordinal)));
    }

    // The golden schema is that of the first release with one; it is never written anew.
    [Fact]
    public void The_schema_only_grows()
    {
        var golden = Path.Combine(
            Fixtures.Repository,
            "tests/PostTrainGate.Cli.Tests/Reporting/Golden/gate-result.schema.1.json"
        );
        var (then, now) = (Paths(File.ReadAllText(golden)), Paths(ResultSchema.Generate()));
        Assert.InRange(then.Count, 100, 1000);
        Assert.All(then, path => Assert.Contains(path, now));
        Assert.DoesNotContain("/gates/[]/original/worth: number", now);
    }

    [Fact]
    public void Json_says_what_each_gate_was_asked_where_and_when()
    {
        var root = JsonNode.Parse(Json.Render(SampleResults.Repaired))!;
        Assert.Equal("2026-11-30T08:15:00+00:00", (string)root["run"]!["started"]!);
        Assert.Equal(4, (int)root["run"]!["cores"]!);
        Assert.Equal(5, root["run"]!["gate_seconds"]!.AsArray().Count);
        Assert.Equal(7, (int)root["pull_request"]!);
        Assert.Equal(5, (int)root["base"]!["flips"]!["broken"]!);
        var attacked = root["gates"]![2]!["parameters"]!;
        Assert.Equal(
            ("pgd", "linf", 0.1, 96),
            (
                (string)attacked["attack"]!,
                (string)attacked["norm"]!,
                (double)attacked["epsilon"]!,
                (int)attacked["attacked"]!
            )
        );
    }

    [Fact]
    public void Junit_has_the_time_of_each_gate()
    {
        var suite = XDocument.Parse(new JUnitReport().Render(SampleResults.Repaired)).Root!.Element("testsuite")!;
        Assert.Equal([0.25, 0.5, 0.75, 1, 1.25], suite.Elements("testcase").Select(c => (double)c.Attribute("time")!));
        Assert.Equal("2026-11-30T08:15:00", (string)suite.Attribute("timestamp")!);
    }

    [Fact]
    public void Sarif_explains_every_rule_and_keeps_policies_apart()
    {
        var run = JsonNode.Parse(new SarifReport().Render(SampleResults.Repaired))!["runs"]![0]!;
        Assert.Equal("posttraingate/samples/credit/posttraingate.yml/", (string)run["automationDetails"]!["id"]!);
        Assert.All(run["tool"]!["driver"]!["rules"]!.AsArray(), r => Assert.NotEmpty((string)r!["help"]!["text"]!));
        Assert.All(typeof(DiagnosticCodes).GetFields(), f =>
        {
            var code = (string)f.GetRawConstantValue()!;
            Assert.Matches(@"^[A-Z].*\.$", RuleHelp.Meaning(code));
            Assert.Matches(@"^[A-Z].*\.$", RuleHelp.Advice(code));
        });
    }

    [Theory]
    [InlineData("Passed", "passed, 1/1", "brightgreen")]
    [InlineData("Repaired", "failed, 1/5", "red")]
    [InlineData("Undecided", "undecided, 0/1", "yellow")]
    public void The_badge_is_one_of_shields_io(string sample, string message, string color)
    {
        var text = new BadgeJson().Render(Sample(sample));
        Assert.Matches(new BadgeJson().Mark, text);
        var badge = JsonNode.Parse(text)!.AsObject();
        Assert.Equal(["schemaVersion", "label", "message", "color"], badge.Select(p => p.Key));
        Assert.Equal((message, color), ((string)badge["message"]!, (string)badge["color"]!));
    }

    [Fact]
    public void A_pass_that_the_policy_grants_says_what_is_open()
    {
        var undecided = SampleResults.Undecided;
        var granted = undecided with { Outcome = RunOutcome.Passed };
        Assert.Equal("Not blocked: 0 of 1 gates passed, 1 inconclusive", ResultText.Headline(granted));
        Assert.Matches(new MarkdownReport().Mark, new MarkdownReport().Render(granted));
        var none = undecided.Gates[0] with { Original = new(null, null, null, 0, Verdict.NotMeasured, "why") };
        Assert.Equal(
            "Not blocked: 0 of 3 gates passed, 2 inconclusive, 1 not measured",
            ResultText.Headline(granted with { Gates = [.. undecided.Gates, .. undecided.Gates, none] })
        );
        Assert.Equal("yellowgreen", (string)JsonNode.Parse(new BadgeJson().Render(granted))!["color"]!);
    }

    [Fact]
    public void A_failure_that_is_accepted_is_told_apart_with_its_reason()
    {
        var gate = SampleResults.Passed.Gates[0];
        var failed = gate with { Original = gate.Original with { Verdict = Verdict.Fail } };
        var accepted = new AcceptedFailure(new(2030, 1, 31), "the next data set is on its way");
        GateReport[] gates =
        [
            failed with
            {
                Accepted = accepted,
            }, // over
            failed with
            {
                Accepted = accepted,
                Severity = Severity.Warning,
            },
            gate with
            {
                Accepted = accepted,
            },
        ];
        var result = SampleResults.Passed with { Outcome = RunOutcome.Failed, Gates = [.. gates] };
        Assert.Equal("Failed: 1 of 3 gates failed, 1 more only warns", ResultText.Headline(result));
        string[] said =
        [
            "It was accepted until 2030-01-31, which is over: the next data set is on its way.",
            "Accepted until 2030-01-31: the next data set is on its way.",
        ];
        Assert.Equal(
            said,
            result
                .Gates.SelectMany(ResultText.Notes)
                .Where(n => n.Contains("accepted until", StringComparison.OrdinalIgnoreCase))
        );
        foreach (var report in new IReportWriter[] { new MarkdownReport(), new HtmlReport() })
            Assert.All(said, text => Assert.Contains(text, report.Render(result), StringComparison.Ordinal));
    }

    // Every value that a document may have, with its type; references are followed.
    private static HashSet<string> Paths(string schema)
    {
        using var document = JsonDocument.Parse(schema);
        HashSet<string> paths = [];
        Walk(document.RootElement, "", 0);
        return paths;

        void Walk(JsonElement node, string path, int depth)
        {
            if (depth > 12 || node.ValueKind != JsonValueKind.Object)
                return;
            if (node.TryGetProperty("$ref", out var reference))
            {
                var at = document.RootElement;
                foreach (var part in reference.GetString()!.Split('/').Skip(1))
                    at =
                        at.ValueKind == JsonValueKind.Array
                            ? at[int.Parse(part, CultureInfo.InvariantCulture)]
                            : at.GetProperty(part);
                Walk(at, path, depth + 1);
                return;
            }

            if (node.TryGetProperty("type", out var type))
                paths.Add($"{path}: {type}");
            if (node.TryGetProperty("enum", out var values))
                foreach (var value in values.EnumerateArray())
                    paths.Add($"{path}: {value}");
            if (node.TryGetProperty("properties", out var properties))
                foreach (var property in properties.EnumerateObject())
                    Walk(property.Value, $"{path}/{property.Name}", depth + 1);
            if (node.TryGetProperty("items", out var items))
                Walk(items, $"{path}/[]", depth + 1);
        }
    }
}
