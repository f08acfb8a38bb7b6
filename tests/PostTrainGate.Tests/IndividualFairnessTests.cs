using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Whether like people are treated alike: counterfactuals, neighbors, situation testing.</summary>
public class IndividualFairnessTests
{
    // Columns: sex (one-hot of two), husband (follows sex), income. The model favours income + bonus of men + bonus of
    // husbands.
    private static readonly FeatureLayout Layout = FeatureLayout.FromNames(["sex=f", "sex=m", "husband", "income"]);

    private static FunctionClassifier Model(float men, float husbands) =>
        new(
            [4],
            2,
            x =>
                cat(
                    [
                        zeros(x.shape[0], 1),
                        (x.narrow(1, 3, 1) + men * x.narrow(1, 1, 1) + husbands * x.narrow(1, 2, 1) - 0.5),
                    ],
                    1
                ),
            new InputPolicy { Lower = 0, Upper = 1 }
        );

    [Theory]
    [InlineData(0, 0, "", 0)]
    // Of ten incomes a tenth apart two: women whom the bonus would lift above a half, men whom it holds there.
    [InlineData(0.25, 0, "", 0.2)]
    [InlineData(0, 0.25, "", 0)]
    [InlineData(0, 0.25, "husband", 0.2)]
    public void A_row_flips_when_its_group_and_what_depends_on_it_change_the_prediction(
        float men,
        float husbands,
        string dependent,
        double expected
    )
    {
        using var model = Model(men, husbands);
        using var data = People(dependent);
        using var evaluation = new Evaluation(model, data);
        var m = new CounterfactualFlips().Measure(
            new(evaluation, new() { Metric = new Accuracy(), Group = "sex" }, 0.95, 1)
        );
        Assert.Equal(expected, m.Value, 6);
        Assert.Equal(20, m.Count);
        Assert.Equal((int)Math.Round(expected * 20), m.Notes.Length);
        if (expected > 0)
            Assert.Contains(": f → m changes the prediction from no to yes", m.Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_that_is_no_input_has_no_counterfactual()
    {
        using var model = Model(0, 0);
        using var data = People("");
        using var other = new EvaluationSet(
            data.Inputs.clone(),
            data.Labels.clone(),
            data.ClassNames,
            data.Groups.SetItem("sex", data.Groups["sex"] with { SourceColumns = ["region"] }),
            Layout,
            1
        );
        using var evaluation = new Evaluation(model, other);
        var m = new CounterfactualFlips().Measure(
            new(evaluation, new() { Metric = new Accuracy(), Group = "sex" }, 0.95, 1)
        );
        Assert.StartsWith("the model reads no column of group 'sex'", m.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0)]
    // Women of the five lowest incomes are denied; those of the fourth and fifth have a man of the same income who is
    // not.
    [InlineData(0.25, 2 / 5.0)]
    public void Situation_testing_finds_who_is_denied_what_like_men_get(float men, double expected)
    {
        using var model = Model(men, 0);
        using var data = People("husband");
        using var evaluation = new Evaluation(model, data);
        var m = new SituationTesting().Measure(
            new(
                evaluation,
                new()
                {
                    Metric = new SituationTesting(),
                    Settings = SettingValues.None.With(GateKeys.Neighbors, 1).With(SituationTesting.Gap, 0.9),
                    Group = "sex",
                },
                0.95,
                1
            )
        );
        Assert.Equal(expected, m.Value, 6);
        Assert.Equal(5, m.Count);
    }

    [Theory]
    [InlineData("sex")]
    [InlineData("age")]
    public void Consistency_is_AIF360s(string attribute)
    {
        using var scope = NewDisposeScope();
        using var reference = FairnessData.Reference("german", attribute);
        var data = FairnessData.Read("german", attribute);
        var neighbors = Neighbors.Nearest(data.Inputs, data.Inputs, 5, TestContext.Current.CancellationToken);
        var figures = reference.RootElement.GetProperty("aif360_dataset");
        Assert.Equal(
            figures.GetProperty("true_labels").GetProperty("consistency_k5").GetDouble(),
            Consistency.Compute(neighbors, data.Labels),
            1e-6
        );
        Assert.Equal(
            figures.GetProperty("predicted_labels").GetProperty("consistency_k5").GetDouble(),
            Consistency.Compute(neighbors, data.Predictions),
            1e-6
        );
    }

    // Ten women and ten men, unmarried and married, with the same incomes.
    private static EvaluationSet People(string dependent)
    {
        var rows = Enumerable
            .Range(0, 20)
            .SelectMany(i => new[] { i < 10 ? 1f : 0, i < 10 ? 0 : 1f, i < 10 ? 0 : 1f, i % 10 / 10f + 0.01f })
            .ToArray();
        var group = new GroupColumn(
            "sex",
            ["f", "m"],
            [.. Enumerable.Range(0, 20).Select(i => i / 10)],
            Privileged: 1,
            ["sex"]
        )
        {
            Dependent = dependent.Length == 0 ? [] : [dependent],
        };
        return new(
            tensor(rows).reshape(20, 4),
            zeros(20, dtype: ScalarType.Int64),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty.Add("sex", group),
            Layout,
            1
        );
    }
}
