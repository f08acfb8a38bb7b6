using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>
/// The test rows of a fairness data set as its source model predicted them, and the figures of AIF360 and fairlearn for
/// them.
/// </summary>
internal sealed class FairnessData
{
    private FairnessData(string dataset, string attribute, string from)
    {
        From = from;
        using var scope = NewDisposeScope();
        using var description = JsonDocument.Parse(File.ReadAllText(Fixtures.Elsewhere($"fairness/{dataset}.json")));
        ImmutableArray<string> columns =
        [
            .. description.RootElement.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!),
        ];
        var data = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}.npz"));
        var predicted = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}_pred.npz"));
        Labels = Ints(data["y_test"]);
        Predictions = Ints(predicted["pred_test"]);
        var scores = predicted["prob_test"].to(float64);
        Scores = (scores.dim() == 2 ? scores.select(1, 1) : scores).contiguous().data<double>().ToArray();
        Attribute = attribute;
        LevelOf = Ints(data["x_test"].select(1, columns.IndexOf(attribute)));
        Inputs = FairnessArrays.Scaled(data, data["x_test"]).MoveToOuterDisposeScope();
        Layout = FeatureLayout.FromNames(columns);
    }

    public string Attribute { get; }

    public string From { get; }

    public ImmutableArray<int> Labels { get; }

    public ImmutableArray<int> Predictions { get; }

    /// <summary>Probability of class 1.</summary>
    public double[] Scores { get; }

    public ImmutableArray<int> LevelOf { get; }

    public Tensor Inputs { get; }

    public FeatureLayout Layout { get; }

    /// <param name="dataset">Name among the fixtures.</param>
    /// <param name="attribute">The protected column.</param>
    /// <param name="from">What <see cref="Table"/> counts: <c>rows</c>, or a file of predictions with this
    /// ending.</param>
    public static FairnessData Read(string dataset, string attribute, string from = "rows") =>
        new(dataset, attribute, from);

    /// <summary>What the other tools say; dispose it.</summary>
    public static JsonDocument Reference(string dataset, string attribute) =>
        JsonDocument.Parse(File.ReadAllText(Fixtures.Elsewhere($"reference/fairness/{dataset}_{attribute}.json")));

    public GroupColumn Group(int? privileged) => new(Attribute, ["0", "1"], LevelOf, privileged, [Attribute]);

    /// <param name="privileged">Level 1 for AIF360's figures, none for fairlearn's.</param>
    /// <param name="scores">Scores for rates that need them; fairlearn was given the predictions as scores.</param>
    public GroupTable Table(int? privileged, double[]? scores = null) =>
        From == "rows"
            ? GroupTable.Count(new(Labels, Predictions, Group(privileged)) { Scores = scores }, favorable: 1)
            : PredictionFile.Table(this, privileged, scores);

    private static ImmutableArray<int> Ints(Tensor values) => [.. values.to(int32).contiguous().data<int>()];
}
