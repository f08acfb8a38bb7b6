using Google.Protobuf;
using PostTrainGate.Cli;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Models;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>The command line on a model of trees, which has no gradients.</summary>
public sealed class ScoresOnlyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ScoresOnlyTests()
    {
        File.Copy(Path.Combine(Fixtures.Repository, "samples/credit/credit.csv"), _folder.Path("credit.csv"));
        File.WriteAllBytes(_folder.Path("trees.onnx"), CreditTrees.Build().ToByteArray());
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Trees_are_measured_by_every_metric_and_say_why_they_are_not_repaired()
    {
        // Columns of dates or gaps that the model does not take are nobody's business; the policy names none of its
        // columns.
        var policy = _folder.Write(
            "posttraingate.yml",
            """
            version: 1
            model: trees.onnx
            data: { source: credit.csv, label: credit, favorable: good }
            input: { bounds: [0, 100] }
            groups: { age: { where: "age > 25" } }
            gates:
              - accuracy: { min: 0.5 }
              - statistical_parity_difference: { group: age, max: 0.10 }
              - robust_accuracy: { attack: pgd, epsilon: 1, min: 0.5 }
            when: { not_measured: warn }
            """
        );
        using var place = new Workplace();
        Assert.Equal(
            1,
            await CommandLine.RunAsync(["check", _folder.Root], place.Host, TestContext.Current.CancellationToken)
        );

        var result = GateJson.Parse(File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json")));
        var (read, _) = PolicyReader.Read(policy);
        using var splits = DataReader.Read(
            read! with
            {
                Data = read.Data with { Features = new() { Only = ["checking_account", "duration_months", "age"] } },
            }
        );
        var (right, good, count) = Expected(splits.Test);
        Assert.Equal(right, result.Gates[0].Original.Value!.Value, 1e-9);
        Assert.Equal(Verdict.Pass, result.Gates[0].Original.Verdict);
        Assert.Equal(good[0] / count[0] - good[1] / count[1], result.Gates[1].Original.Value!.Value, 1e-9);
        Assert.Equal(Verdict.Fail, result.Gates[1].Original.Verdict);
        Assert.Equal(Verdict.NotMeasured, result.Gates[2].Original.Verdict);
        Assert.Contains("the attack pgd needs gradients", result.Gates[2].Original.Reason!, StringComparison.Ordinal);

        Assert.Equal("probabilities", result.Model!.Head);
        Assert.Contains("TreeEnsembleClassifier", result.Model!.WhyNoGradients!, StringComparison.Ordinal);
        Assert.Contains(
            "No repair is possible because the model has no gradients",
            result.Repair!.Reason,
            StringComparison.Ordinal
        );
        Assert.Single(place.Out.Split('\n'), l =>
            l.Contains("PTG2005: The model 'trees.onnx'", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_gate_whose_inputs_a_model_refuses_leaves_the_others_their_figures()
    {
        // Each column holds the number of a word, and there are twenty words.
        OnnxWriter model = new([2]);
        var (words, table) = (model.Node("Cast", [model.Last], ("to", 7L)), TorchSharp.torch.rand(20, 2));
        model.Node("Gather", [model.Initializer("table", table), words]);
        model.Node("ReduceMean", [model.Last], ("axes", (long[])[1]), ("keepdims", 0L));
        model.Save(_folder.Path("words.onnx"), "logits", 2);
        var rows = Enumerable.Range(0, 100).Select(i => $"{i % 20},{i * 7 % 20},{(i % 3 == 0 ? 1 : 0)}");
        _folder.Write("words.csv", $"first,second,label\n{string.Join('\n', rows)}\n");
        _folder.Write(
            "posttraingate.yml",
            """
            version: 1
            model: words.onnx
            data: { source: words.csv, label: label }
            input: { bounds: [0, 19] }
            gates:
              - accuracy: { min: 0.01 }
              - corrupted_accuracy: { min: 0.1 }
            when: { not_measured: warn }
            repair: false
            """
        );
        using var place = new Workplace();
        var code = await CommandLine.RunAsync(
            ["check", _folder.Root],
            place.Host,
            TestContext.Current.CancellationToken
        );
        Assert.True(code == 0, place.Error + place.Out);
        var result = GateJson.Parse(File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json")));
        Assert.Equal(Verdict.Pass, result.Gates[0].Original.Verdict);
        Assert.Equal("the model cannot run on changed inputs", result.Gates[1].Original.Reason);
        Assert.Contains("Gather", Assert.Single(result.Gates[1].Original.Notes), StringComparison.Ordinal);
    }

    // Three columns are few enough to try every row that is legal.
    [Theory]
    [InlineData("sex", 1)]
    [InlineData("sex", 0)]
    [InlineData("age, checking_account", 1)]
    public async Task Trees_are_attacked_in_the_form_of_their_table(string immutable, int categories)
    {
        var policy = _folder.Write(
            "posttraingate.yml",
            $$"""
            version: 1
            model: trees.onnx
            data: { source: credit.csv, label: credit, favorable: good, features: { immutable: [{{immutable}}] } }
            input: { bounds: [0, 100] }
            gates:
              - robust_accuracy: { attack: table_search, epsilon: 3, categories: {{categories}}, min: 0.05 }
              - robust_accuracy: { attack: table_pgd, epsilon: 3, min: 0.05 }
            repair: false
            when: { not_measured: warn, inconclusive: pass }
            """
        );
        using var place = new Workplace();
        await CommandLine.RunAsync(
            ["check", _folder.Root, "--full"],
            place.Host,
            TestContext.Current.CancellationToken
        );
        var result = GateJson.Parse(File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json")));
        var (read, _) = PolicyReader.Read(policy);
        var features = new FeaturePolicy
        {
            Only = ["checking_account", "duration_months", "age"],
            Immutable = read!.Data.Features.Immutable,
        };
        using var splits = DataReader.Read(read with { Data = read.Data with { Features = features } });
        Assert.Equal(Robust(splits.Test, 3, categories), result.Gates[0].Original.Value!.Value, 1e-9);
        Assert.Equal(Verdict.NotMeasured, result.Gates[1].Original.Verdict);
    }

    // The share of rows that no legal row of theirs is told wrong of.
    private static double Robust(EvaluationSet rows, int epsilon, int categories)
    {
        var layout = rows.Layout!;
        var (account, months, age) = (
            layout.Find("checking_account")!,
            layout.Find("duration_months")!,
            layout.Find("age")!
        );
        var robust = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            using var row = rows.Inputs[i];
            var values = row.data<float>().ToArray();
            var own = account.Categories[Array.IndexOf(values, 1, account.Start, account.Width) - account.Start];
            var accounts = categories == 0 || account.Immutable ? [own] : account.Categories;
            var good = accounts.SelectMany(a =>
                Near(months, values).SelectMany(m => Near(age, values).Select(y => CreditTrees.Good(a, m, y) > 0.5))
            );
            if (good.All(g => g == (rows.LabelValues[i] == 1)))
                robust++;
        }

        return robust / (double)rows.Count;

        IEnumerable<double> Near(FeatureColumn column, float[] values)
        {
            var value = (double)values[column.Start];
            return column.Immutable
                ? [value]
                : Enumerable
                    .Range(-epsilon, 2 * epsilon + 1)
                    .Select(d => value + d)
                    .Where(v => v == value || (v >= column.Lowest && v <= column.Highest));
        }
    }

    [Fact]
    public async Task Classes_in_another_order_than_the_models_are_an_error()
    {
        _folder.Write(
            "posttraingate.yml",
            """
            version: 1
            model: trees.onnx
            data: { source: credit.csv, label: credit, classes: [good, bad] }
            gates: [accuracy: { min: 0.5 }]
            """
        );
        using var place = new Workplace();
        Assert.Equal(
            2,
            await CommandLine.RunAsync(["check", _folder.Root], place.Host, TestContext.Current.CancellationToken)
        );
        Assert.Contains("'data.classes'", place.Error, StringComparison.Ordinal);
    }

    // From the encoded columns back to the closed form: the share of right answers, and favorable answers and rows by
    // group.
    private static (double Right, double[] Good, double[] Count) Expected(EvaluationSet rows)
    {
        var (layout, x) = (rows.Layout!, rows.Inputs);
        var account = layout.Find("checking_account")!;
        var (right, good, count) = (0.0, new double[2], new double[2]);
        for (var i = 0; i < rows.Count; i++)
        {
            using var row = x[i];
            var values = row.data<float>().ToArray();
            var category = account.Categories[Array.IndexOf(values, 1, account.Start, account.Width) - account.Start];
            var predicted =
                CreditTrees.Good(
                    category,
                    values[layout.Find("duration_months")!.Start],
                    values[layout.Find("age")!.Start]
                ) > 0.5
                    ? 1
                    : 0;
            if (predicted == rows.LabelValues[i])
                right++;
            good[rows.Groups["age"].LevelOf[i]] += predicted;
            count[rows.Groups["age"].LevelOf[i]]++;
        }

        return (right / rows.Count, good, count);
    }
}
