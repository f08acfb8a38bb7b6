using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Tests;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// One of the paper's fairness tasks from the fixtures: source model, scaled rows, one protected attribute.
/// </summary>
internal sealed class FairnessTask : IDisposable
{
    private FairnessTask(Func<string, string> fixture, string dataset, string attribute)
    {
        (Dataset, Attribute) = (dataset, attribute);
        using var scope = NewDisposeScope();
        var arrays = NpzFile.Read(fixture($"fairness/{dataset}.npz"));
        using var json = JsonDocument.Parse(File.ReadAllText(fixture($"fairness/{dataset}.json")));
        Layout = Blocks([.. json.RootElement.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!)]);
        Train = Set(Scale(arrays["x_train"]), arrays["y_train"]);
        Test = Set(Scale(arrays["x_test"]), arrays["y_test"]);
        var mutants = Scale(NpzFile.Read(fixture($"fairness/{dataset}_mutation_{attribute}.npz"))["x_mutation"]);
        var pairs = mutants.shape[0] / 2;
        Mutants = new(
            mutants.narrow(0, 0, pairs).clone().DetachFromDisposeScope(),
            mutants.narrow(0, pairs, pairs).clone().DetachFromDisposeScope()
        );
        Source = OnnxClassifier.Load(fixture($"fairness/{dataset}_mlp.onnx"));
        Pairs = CounterfactualPairs.For(Train, Train.Groups[attribute], out _)!;

        Tensor Scale(Tensor raw) => FairnessArrays.Scaled(arrays, raw).contiguous();
    }

    public static FairnessTask Load(Func<string, string> fixture, string dataset, string attribute) =>
        new(fixture, dataset, attribute);

    public string Dataset { get; }
    public string Attribute { get; }
    public OnnxClassifier Source { get; }
    public EvaluationSet Train { get; }
    public EvaluationSet Test { get; }
    public FeatureLayout Layout { get; }

    /// <summary>The reference generator's mutants (german: the paper's own).</summary>
    public RowPairs Mutants { get; }

    public CounterfactualPairs Pairs { get; }

    /// <summary>
    /// Accuracy, SPD, AAOD and EOD of a model on the test rows, as the paper reports them: all sizes.
    /// </summary>
    public double[] Measure(OnnxClassifier model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var predicted = model.LogitsOfAll(Test.Inputs, 4096).argmax(1).data<long>().ToArray();
        var group = Test.Groups[Attribute].LevelOf;
        double Rate(int side, int? label)
        {
            var rows = Enumerable
                .Range(0, Test.Count)
                .Where(i => group[i] == side && (label is null || Test.LabelValues[i] == label))
                .ToArray();
            return rows.Count(i => predicted[i] == 1) / (double)rows.Length;
        }

        double Gap(int? label) => Math.Abs(Rate(0, label) - Rate(1, label));
        var right =
            Enumerable.Range(0, Test.Count).Count(i => predicted[i] == Test.LabelValues[i]) / (double)Test.Count;
        return [right, Gap(null), (Gap(0) + Gap(1)) / 2, Gap(1)];
    }

    private EvaluationSet Set(Tensor inputs, Tensor labels)
    {
        var column = Layout.Find(Attribute)!.Start;
        var sides = inputs.select(1, column).data<float>().Select(v => v > 0.5f ? 1 : 0).ToImmutableArray();
        var group = new GroupColumn(Attribute, ["unprivileged", "privileged"], sides, 1, [Attribute]);
        return new(
            inputs,
            labels.to(int64),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty.Add(Attribute, group),
            Layout,
            1
        );
    }

    // Columns named feature=value are one categorical column.
    private static FeatureLayout Blocks(string[] names)
    {
        var columns = ImmutableArray.CreateBuilder<FeatureColumn>();
        for (var i = 0; i < names.Length; )
        {
            var (feature, start) = (names[i].Split('=')[0], i);
            if (!names[i].Contains('=', StringComparison.Ordinal))
            {
                columns.Add(new(feature, i++, []));
                continue;
            }

            while (i < names.Length && names[i].StartsWith($"{feature}=", StringComparison.Ordinal))
                i++;
            columns.Add(new(feature, start, [.. names[start..i].Select(n => n[(feature.Length + 1)..])]));
        }

        return new(columns.ToImmutable());
    }

    public void Dispose()
    {
        Source.Dispose();
        Train.Dispose();
        Test.Dispose();
        Mutants.First.Dispose();
        Mutants.Second.Dispose();
    }
}
