using System.Text.Json.Nodes;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A change of any single key, held against its base in a real repository: the table of trust says what the
/// code does.</summary>
public sealed class EveryKeyTests : IDisposable
{
    private const string Whole = """
        version: 1
        seed: 7
        model: models/credit.onnx
        data:
          source: data/german.csv
          label: good
          classes: ["0", "1"]
          favorable: "1"
          features: { only: [sex, age], except: [id], immutable: [age], categories: { sex: [male, female] }, missing: keep,
              scale: minmax }
          splits: { repair: 40%, select: 20%, test: 40%, trained: "id < 100" }
        input: { bounds: [0, 1], scale: 1/255, mean: [0.5], std: [0.5], size: [8, 8], layout: nchw }
        output: { name: score, head: logits }
        groups:
          sex: { column: sex, privileged: male, dependent: [title], min_count: 5 }
          age: { column: age, bins: [25, 45] }
          older: { where: "age > 25" }
          both: { cross: [sex, older] }
        gates:
          - accuracy: {
              min: 0.72, drop: 0.01, severity: error, accept: { until: 2026-12-31, reason: until retrained } }
          - statistical_parity_difference: { group: sex, max: 0.1, average: favorable }
          - robust_accuracy: {
              attack: pgd, norm: linf, epsilon: 0.1, steps: 40, step_size: 0.01, restarts: 2, random_start: true,
              samples: 100, min: 0.5 }
          - robust_accuracy: { attack: table_pgd, epsilon: 0.2, categories: 1, min: 0.5 }
          - certified_accuracy: { epsilon: 0.3, method: crown, min: 0.5 }
          - smoothed_accuracy: { sigma: 0.25, epsilon: 0.5, draws: 1000, min: 0.4 }
          - corrupted_accuracy: { corruptions: [numeric_noise], severities: [1, 3], min: 0.7 }
          - rate_minimum: { group: sex, rate: auc, min: 0.7 }
          - generalized_entropy_index: { alpha: 2, max: 0.2 }
          - situation_testing: { group: sex, neighbors: 5, gap: 0.2, max: 0.1 }
        severity: error
        confidence: 90%
        correction: bonferroni
        when: { inconclusive: warn, not_measured: fail }
        repair:
          methods: [fmt]
          snapshots: models/history/*.onnx
          max_accuracy_drop: 0.02
          accept: [class_accuracy]
          effort: quick
          time_limit: 5m
          graph: extend
          output: models/out.onnx
        report: { html: true, folder: posttraingate-report }
        device: cpu
        limits: { memory: 8GB, time: 6h }
        """;

    private const string Labels = """
        version: 1
        model: models/credit.onnx
        data: { source: data/x.npz, label_file: data/a.gz }
        gates: [accuracy: { min: 0.7 }]
        """;

    private const string Predictions = """
        version: 1
        data: { source: data/german.csv, label: good, prediction: granted, score: probability }
        gates: [accuracy: { min: 0.7 }]
        """;

    // Key, what the base says, what the change says instead.
    private static readonly (string Key, string Base, string Change)[] Changes =
    [
        ("seed", "seed: 7", "seed: 8"),
        ("model", "models/credit.onnx", "models/other.onnx"),
        ("data.source", "data/german.csv", "data/easy.csv"),
        ("data.label", "label: good", "label: other"),
        ("data.classes", "[\"0\", \"1\"]", "[\"1\", \"0\"]"),
        ("data.favorable", "favorable: \"1\"", "favorable: \"0\""),
        ("data.features.only", "only: [sex, age]", "only: [age]"),
        ("data.features.except", "except: [id]", "except: [name]"),
        ("data.features.immutable", "immutable: [age]", "immutable: [age, sex]"),
        ("data.features.categories", "{ sex: [male, female] }", "{ sex: [female, male] }"),
        ("data.features.missing", "missing: keep", "missing: drop"),
        ("data.features.scale", "scale: minmax", "scale: standard"),
        ("data.splits.repair", "repair: 40%,", "repair: 30%,"),
        ("data.splits.select", "select: 20%", "select: 10%"),
        ("data.splits.test", "test: 40%", "test: 5%"),
        ("data.splits.trained", "id < 100", "id > 100"),
        ("input.bounds", "bounds: [0, 1]", "bounds: [0, 255]"),
        ("input.scale", "scale: 1/255", "scale: 1"),
        ("input.mean", "mean: [0.5]", "mean: [0]"),
        ("input.std", "std: [0.5]", "std: [255]"),
        ("input.size", "size: [8, 8]", "size: [4, 4]"),
        ("input.layout", "layout: nchw", "layout: nhwc"),
        ("output.name", "name: score", "name: other"),
        ("output.head", "head: logits", "head: probabilities"),
        ("groups.NAME.column", "sex: { column: sex", "sex: { column: age"),
        ("groups.NAME.privileged", "privileged: male", "privileged: female"),
        ("groups.NAME.dependent", "dependent: [title]", "dependent: [age]"),
        ("groups.NAME.min_count", "min_count: 5", "min_count: 500"),
        ("groups.NAME.bins", "bins: [25, 45]", "bins: [99]"),
        ("groups.NAME.where", "age > 25", "true"),
        ("groups.NAME.cross", "cross: [sex, older]", "cross: [sex, age]"),
        ("gates[].METRIC.group", "group: sex, max: 0.1, average", "group: age, max: 0.1, average"),
        ("gates[].METRIC.average", "average: favorable", "average: worst"),
        ("gates[].METRIC.severity", "drop: 0.01, severity: error", "drop: 0.01, severity: note"),
        ("gates[].METRIC.accept.until", "until: 2026-12-31", "until: 2036-12-31"),
        ("gates[].METRIC.accept.reason", "reason: until retrained", "reason: other"),
        ("severity", "severity: error\nconfidence", "severity: note\nconfidence"),
        ("gates[].METRIC.attack", "attack: pgd", "attack: bim"),
        ("gates[].METRIC.norm", "norm: linf", "norm: l2"),
        ("gates[].METRIC.epsilon", "epsilon: 0.1,", "epsilon: 0.001,"),
        ("gates[].METRIC.steps", "steps: 40", "steps: 1"),
        ("gates[].METRIC.step_size", "step_size: 0.01", "step_size: 0.0001"),
        ("gates[].METRIC.restarts", "restarts: 2", "restarts: 1"),
        ("gates[].METRIC.random_start", "random_start: true", "random_start: false"),
        ("gates[].METRIC.categories", "categories: 1", "categories: 0"),
        ("gates[].METRIC.samples", "samples: 100", "samples: 1"),
        ("gates[].METRIC.method", "method: crown", "method: ibp"),
        ("gates[].METRIC.sigma", "sigma: 0.25", "sigma: 0.01"),
        ("gates[].METRIC.draws", "draws: 1000", "draws: 100"),
        ("gates[].METRIC.corruptions", "corruptions: [numeric_noise]", "corruptions: [shifted_units]"),
        ("gates[].METRIC.severities", "severities: [1, 3]", "severities: [1]"),
        ("gates[].METRIC.rate", "rate: auc", "rate: accuracy"),
        ("gates[].METRIC.alpha", "alpha: 2", "alpha: 0"),
        ("gates[].METRIC.neighbors", "neighbors: 5", "neighbors: 1"),
        ("gates[].METRIC.gap", "gap: 0.2", "gap: 0.9"),
        ("gates[].METRIC.min", "min: 0.72", "min: 0.1"),
        ("gates[].METRIC.max", "max: 0.2", "max: 1"),
        ("gates[].METRIC.drop", "drop: 0.01,", "drop: 1,"),
        ("confidence", "90%", "51%"),
        ("correction", "bonferroni", "none"),
        ("when.inconclusive", "inconclusive: warn", "inconclusive: pass"),
        ("when.not_measured", "not_measured: fail", "not_measured: pass"),
        ("repair.methods", "methods: [fmt]", "methods: [adversarial]"),
        ("repair.snapshots", "models/history/*.onnx", "models/history/e1.onnx"),
        ("repair.max_accuracy_drop", "drop: 0.02", "drop: 0.9"),
        ("repair.accept", "accept: [class_accuracy]", "accept: [group_accuracy]"),
        ("repair.effort", "effort: quick", "effort: normal"),
        ("repair.time_limit", "time_limit: 5m", "time_limit: 6m"),
        ("repair.graph", "graph: extend", "graph: keep"),
        ("repair.output", "models/out.onnx", "models/new.onnx"),
        ("repair.write_refused", "models/out.onnx", "models/out.onnx\n  write_refused: true"),
        ("report.html", "html: true", "html: false"),
        ("report.junit", "html: true", "html: true, junit: true"),
        ("report.sarif", "html: true", "html: true, sarif: true"),
        ("report.folder", "folder: posttraingate-report", "folder: reports"),
        ("device", "device: cpu", "device: auto"),
        ("limits.memory", "memory: 8GB", "memory: 16GB"),
        ("limits.time", "time: 6h", "time: 7h"),
        ("data.label_file", "data/a.gz", "data/b.gz"),
        ("data.prediction", "prediction: granted", "prediction: good"),
        ("data.score", "score: probability", "score: other"),
    ];

    // Keys with one value only.
    private static readonly string[] Fixed = ["version", "report.json", "report.markdown", "report.badge"];

    private readonly Workplace _place = new();

    public static TheoryData<string> Keys => [.. Changes.Select(c => c.Key)];

    public void Dispose() => _place.Dispose();

    [Fact]
    public void No_key_is_left_out()
    {
        var all = PolicyReference.Keys(Catalog.Default).ToArray();
        var leaves = all.Where(k =>
            !all.Any(o =>
                o.StartsWith($"{k}.", StringComparison.Ordinal) || o.StartsWith($"{k}[", StringComparison.Ordinal)
            )
        );
        Assert.Equal(leaves.Except(Fixed).Order(), Changes.Select(c => c.Key).Order());
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public async Task What_the_table_says_is_what_applies(string key)
    {
        var (_, before, after) = Changes.Single(c => c.Key == key);
        var text =
            key == "data.label_file" ? Labels
            : key.StartsWith("data.pred", StringComparison.Ordinal) || key == "data.score" ? Predictions
            : Whole;
        Assert.Contains(before, text, StringComparison.Ordinal);
        foreach (var file in new[] { "data/easy.csv", "data/x.npz", "data/a.gz", "data/b.gz" })
            _place.Folder.Write(file, file);
        var repository = new GitFolder(_place.Folder.Root);
        File.WriteAllText(_place.PolicyFile, text);
        repository.Commit("base");
        if (key == "model")
            File.Move(_place.Folder.Path("models/credit.onnx"), _place.Folder.Path("models/other.onnx"));
        var expected = Read(key == "model" ? text.Replace(before, after, StringComparison.Ordinal) : text);
        var changed = text.Replace(before, after, StringComparison.Ordinal);
        var own = Read(changed);
        Assert.NotEqual(expected.Changed, key == "model" ? "" : own.Changed);

        File.WriteAllText(_place.PolicyFile, changed);
        GatePolicy? ran = null;
        var code = await _place.RunAsync(
            (policy, _, _, _) =>
            {
                ran = policy;
                return SampleResults.Passed;
            },
            "--base",
            "main"
        );
        Assert.True(code == 0, _place.Error);
        var remarks = PostTrainGate
            .Reporting.GateJson.Parse(
                File.ReadAllText(Path.Combine(_place.Folder.Root, ran!.Report.Folder, "gate-result.json"))
            )
            .Diagnostics;
        if (PolicyTrust.DeciderOf(key, Catalog.Default) == Decider.Change)
        {
            Assert.Equal(own.Changed, Facts(ran).Changed);
            Assert.Equal(key == "model" ? 1 : 0, remarks.Length);
        }
        else
        {
            Assert.Equal(expected.Decided, Facts(ran).Decided);
            Assert.Contains(remarks, r =>
                r is { Code: DiagnosticCodes.PolicyChanged, Severity: Severity.Warning }
                && (
                    key.StartsWith("gates", StringComparison.Ordinal)
                    || (
                        r.Message.Contains(key.Split('.')[^1], StringComparison.Ordinal)
                        && r.Position!.Value.Line == Line(text, before)
                    )
                )
            );
        }
    }

    private static int Line(string text, string part) =>
        text[..text.IndexOf(part, StringComparison.Ordinal)].Count(c => c == '\n') + 1;

    private (string Decided, string Changed) Read(string text)
    {
        File.WriteAllText(_place.PolicyFile, text);
        var (policy, diagnostics) = PolicyReader.Read(_place.PolicyFile);
        Assert.True(policy is not null, string.Join('\n', diagnostics));
        return Facts(policy);
    }

    // What the base decides, and all of it; without places, and of the gates as many as the base has.
    private static (string Decided, string Changed) Facts(GatePolicy policy)
    {
        var gates = policy.Gates.Take(policy.Family ?? policy.Gates.Length);
        var request = new EngineRequest { Policy = policy with { Gates = [.. gates], Family = null } };
        var json = JsonNode.Parse(EngineJson.Line(request)[1..])!["Policy"]!.AsObject();
        WithoutPlaces(json);
        var all = json.ToJsonString();
        json.Remove("Report");
        if (json["Repair"] is JsonObject repair)
            json["Repair"] = new JsonArray(repair["MaxAccuracyDrop"]!.DeepClone(), repair["Accept"]!.DeepClone());
        return (json.ToJsonString(), all);
    }

    private static void WithoutPlaces(JsonNode? node)
    {
        if (node is JsonObject map)
        {
            map.Remove("Position");
            foreach (var (_, value) in map)
                WithoutPlaces(value);
        }
        else if (node is JsonArray list)
        {
            foreach (var item in list)
                WithoutPlaces(item);
        }
    }
}
