using System.Text.Json.Nodes;
using PostTrainGate.Attacks;
using PostTrainGate.Cli;
using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A measurement that machines share: the same result, or a refusal that names the part.</summary>
public sealed class ShardTests : IDisposable
{
    private const string Head = """
        version: 1
        seed: 3
        model: model.onnx
        data:
          source: credit.csv
          label: credit
          favorable: good
          features: { except: [personal_status], scale: minmax }
          splits: { repair: 28%, select: 12%, test: 60% }
        groups: { age: { where: "age > 25" } }
        gates:

        """;

    private const string Costly = """
          - accuracy: { min: 0.65 }
          - robust_accuracy: { attack: pgd, norm: linf, epsilon: 0.02, steps: 3, samples: 200, min: 0.99 }
          - robust_accuracy: { attack: table_search, epsilon: 0.05, steps: 5, samples: 60, min: 0.99 }
          - median_perturbation: { attack: fmn, norm: l2, steps: 20, min: 9 }
          - certified_accuracy: { epsilon: 0.001, method: ibp, min: 0.5 }

        """;

    private readonly Workplace _place = new();

    public ShardTests()
    {
        var sample = Path.Combine(Fixtures.Repository, "samples/credit");
        foreach (var name in new[] { "model.onnx", "credit.csv" })
            File.Copy(Path.Combine(sample, name), _place.Folder.Path(name), overwrite: true);
        Policy(Costly);
    }

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task Shards_come_to_the_result_of_one_machine()
    {
        var one = await OneMachine();
        foreach (var count in new[] { 1, 2, 7 })
        {
            Assert.Equal(one, await Merge(await Parts(count)));
        }
    }

    [Fact]
    public async Task Every_metric_may_be_shared()
    {
        Policy(string.Concat(Catalog.Default.Metrics.Select(Gate)));
        var one = await OneMachine();
        Assert.Equal(one, await Merge(await Parts(2)));
        Assert.Equal(Catalog.Default.Metrics.Length, JsonNode.Parse(one.Json)!["gates"]!.AsArray().Count);
        foreach (var gate in JsonNode.Parse(one.Json)!["gates"]!.AsArray())
            Assert.True(gate!["original"]!["value"] is not null, gate.ToJsonString());
        // Both machines had work of each kind that can be shared.
        foreach (var number in new[] { 1, 2 })
        {
            var blocks = JsonNode.Parse(File.ReadAllText(_place.Folder.Path($"parts/{number}-2.json")))!["part"]!;
            var gates = blocks["blocks"]!.AsObject().Select(b => b.Key.Split(' ')[2]).Distinct();
            Assert.Equal(Catalog.Default.Metrics.OfType<IBlockMetric>().Count(), gates.Count());
        }
    }

    [Fact]
    public async Task A_base_model_is_shared_too()
    {
        var history = Directory.GetFiles(Path.Combine(Fixtures.Repository, "samples/credit/history"))[0];
        Policy(
            """
              - robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.02, min: 0.1, drop: 0.5 }

            """
        );
        string[] @base = ["--base-model", history];
        var one = await OneMachine(@base);
        Assert.Equal(one, await Merge(await Parts(2, @base), @base));
        Assert.Contains("\"base\":", one.Json, StringComparison.Ordinal);
        Assert.Contains("1-2.json is of another base model (", await Refused(await Parts(2, @base)));
    }

    [Fact]
    public async Task Parts_that_do_not_fit_are_refused_by_name()
    {
        Policy("  - robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.02, min: 0.1 }\n");
        var parts = await Parts(2);
        var other = (await Parts(3))[0];
        Assert.Contains("PTG8002: Part 2 of 2 is missing. Measure it again: ", await Refused([parts[0]]));
        Assert.Contains("1-2.json and ", await Refused([.. parts, parts[0]]), StringComparison.Ordinal);
        Assert.Contains("1-3.json is part 1 of 3, but the others are of 2; ", await Refused([.. parts, other]));

        var changed = _place.Folder.Path("parts/changed.json");
        File.WriteAllText(changed, File.ReadAllText(parts[1]).Replace("\"seed\":3", "\"seed\":4"));
        Assert.Contains("changed.json cannot be merged: It was changed ", await Refused([parts[0], changed]));
        File.WriteAllText(changed, File.ReadAllText(parts[1])[..400]);
        Assert.Contains("changed.json cannot be merged: It was changed ", await Refused([parts[0], changed]));
        File.WriteAllText(changed, "{}");
        Assert.Contains("changed.json cannot be merged: It is no part ", await Refused([parts[0], changed]));
        Assert.Contains(
            "nothing.json cannot be merged: ",
            await Refused([parts[0], _place.Folder.Path("nothing.json")])
        );
    }

    [Fact]
    public async Task Parts_of_something_else_say_what_is_other()
    {
        const string gate = "  - robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.02, min: 0.1 }\n";
        Policy(gate);
        var parts = await Parts(1);
        Policy(gate.Replace("min: 0.1", "min: 0.2", StringComparison.Ordinal));
        Assert.Empty(await Refused(parts)); // a threshold is no part of what was measured

        Policy(gate.Replace("0.02", "0.03", StringComparison.Ordinal));
        Assert.Contains("1-1.json is of a policy with other gates (", await Refused(parts), StringComparison.Ordinal);
        File.WriteAllText(_place.PolicyFile, (Head + gate).Replace("seed: 3", "seed: 4", StringComparison.Ordinal));
        Assert.Contains("1-1.json is of another seed (3; here 4). ", await Refused(parts), StringComparison.Ordinal);

        Policy(gate);
        var rows = File.ReadAllLines(_place.Folder.Path("credit.csv"));
        File.WriteAllLines(_place.Folder.Path("credit.csv"), rows[..^9]);
        Assert.Contains("1-1.json is of other test rows (", await Refused(parts), StringComparison.Ordinal);
        File.WriteAllLines(_place.Folder.Path("credit.csv"), rows);
        var history = Directory.GetFiles(Path.Combine(Fixtures.Repository, "samples/credit/history"))[0];
        File.Copy(history, _place.Folder.Path("model.onnx"), overwrite: true);
        Assert.Contains("1-1.json is of another model (", await Refused(parts), StringComparison.Ordinal);
        Assert.Contains("--shard 1/1 --part FILE", _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_gets_parts_by_number_and_is_merged_whole()
    {
        Policy("  - robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.02, min: 0.1 }\n");
        var one = await OneMachine();
        var parts = _place.Folder.Path("all") + "/";
        Assert.Equal(0, await Shard("1/2", parts));
        Assert.Equal(0, await Shard("2/2", parts));
        Assert.Equal(
            ["part-1-of-2.json", "part-2-of-2.json"],
            Directory.GetFiles(parts).Select(Path.GetFileName).Order()
        );
        Assert.Equal(one, await Merge([parts]));
    }

    [Theory]
    [InlineData("3/2", "shard 3 of 2; the first is 1/2 and the last 2/2")]
    [InlineData("0/2", "shard 0 of 2; the first is 1/2")]
    [InlineData("1/0", "asks for 0 shards; there may be 1 to ")]
    [InlineData("half", "neither K/N, such as 2/7, nor auto")]
    [InlineData("a/2", "'a' is not a number of shards")]
    [InlineData("auto", "none is set; give the shard as K/N")]
    public async Task A_shard_that_cannot_be_says_what_would_be_right(string shard, string words)
    {
        Assert.Equal(2, await Run("check", _place.Folder.Root, "--shard", shard, "--part", "part.json"));
        Assert.Contains("error PTG8001: ", _place.Error, StringComparison.Ordinal);
        Assert.Contains(words, _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_is_asked_for_and_must_be_writable()
    {
        Assert.Equal(2, await Run("check", _place.Folder.Root, "--shard", "1/2"));
        Assert.Contains("give '--part FILE' too", _place.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Run("check", _place.Folder.Root, "--part", "x.json"));
        Assert.Contains("give '--shard K/N' too", _place.Error, StringComparison.Ordinal);
        foreach (var (file, why) in new[] { ("credit.csv/part.json", "cannot be written"), ("credit.csv", "exists") })
        {
            Assert.Equal(2, await Shard("1/2", _place.Folder.Path(file)));
            Assert.Contains(why, _place.Error.Split('\n')[^2], StringComparison.Ordinal);
        }
    }

    private void Policy(string gates) => File.WriteAllText(_place.PolicyFile, Head + gates);

    // The cheapest gate of a metric.
    private static string Gate(IMetric metric)
    {
        List<string> words = [];
        foreach (var key in metric.Keys)
        {
            var word = key.Name switch
            {
                "group" => "group: age",
                "rate" => "rate: selection_rate",
                "attack" when key == AttackKeys.Nearest => "attack: fmn",
                "attack" => "attack: pgd",
                "norm" => metric is MedianPerturbation ? "norm: l2" : "norm: linf",
                "epsilon" => metric is SmoothedAccuracy ? "epsilon: 0.05" : "epsilon: 0.01",
                "steps" => metric is MedianPerturbation ? "steps: 20" : "steps: 3",
                "sigma" => "sigma: 0.1",
                "draws" => "draws: 100",
                "severities" => "severities: [1]",
                "samples" => "samples: 100",
                _ => null,
            };
            if (word is not null)
                words.Add(word);
        }

        if (metric.ChangesInputs && metric is not MedianPerturbation)
            words.Add("samples: 100");
        words.Add(metric.Better is Better.Lower or Better.NearZero ? "max: 0.5" : "min: 0.05");
        return $"  - {metric.Name}: {{ {string.Join(", ", words.Distinct())} }}\n";
    }

    private async Task<(int Code, string Json, string Markdown)> OneMachine(params string[] options)
    {
        var code = await Run(["check", _place.Folder.Root, "--full", "--no-repair", "--no-cache", .. options]);
        Assert.Empty(Errors());
        return Reports(code);
    }

    private async Task<string[]> Parts(int count, params string[] options)
    {
        List<string> parts = [];
        for (var number = 1; number <= count; number++)
        {
            parts.Add(_place.Folder.Path($"parts/{number}-{count}.json"));
            Assert.Equal(0, await Shard($"{number}/{count}", parts[^1], options));
        }

        return [.. parts];
    }

    private Task<int> Shard(string shard, string part, params string[] options) =>
        Run(["check", _place.Folder.Root, "--shard", shard, "--part", part, .. options]);

    private async Task<(int Code, string Json, string Markdown)> Merge(string[] parts, params string[] options)
    {
        Directory.Delete(_place.Folder.Path("posttraingate-report"), recursive: true);
        var code = await Run(["merge", _place.Folder.Root, .. parts, .. options]);
        Assert.Empty(Errors());
        return Reports(code);
    }

    // What a merge of parts is refused by; empty where it is not.
    private async Task<string> Refused(string[] parts)
    {
        var before = Errors().Length;
        var code = await Run(["merge", _place.Folder.Root, .. parts]);
        var errors = Errors()[before..];
        Assert.Equal(errors.Length > 0, code == 2);
        return string.Join('\n', errors);
    }

    // What is said on standard error besides the progress.
    private string[] Errors() =>
        [.. _place.Error.Split('\n').Where(l => l.Contains(": error PTG", StringComparison.Ordinal))];

    private Task<int> Run(params string[] args) => CommandLine.RunAsync(args, _place.Host);

    // All but times and the machine.
    private (int Code, string Json, string Markdown) Reports(int code)
    {
        var folder = _place.Folder.Path("posttraingate-report");
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "gate-result.json")))!.AsObject();
        Assert.True(json.Remove("seconds"));
        Assert.True(json.Remove("run"));
        return (code, json.ToJsonString(), File.ReadAllText(Path.Combine(folder, "gate-report.md")));
    }
}
