using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Each sign of masked gradients on a formula that shows it alone: a step up by more than 0.2 breaks each of
/// them.</summary>
public class TrustChecksTests
{
    [Fact]
    public void Nothing_speaks_against_a_model_that_stands_for_good_reason() =>
        Assert.Null(Doubt(1, x => Margin(x, 0.3), "pgd"));

    [Fact]
    public void Saturated_outputs_are_told_however_well_they_stand() =>
        Assert.Contains(
            "the probabilities of 100 % of the inputs round to exactly 0 and 1",
            Doubt(1, x => Margin(x, 0.3) * 1e4, "pgd"),
            StringComparison.Ordinal
        );

    [Fact]
    public void A_search_by_scores_finds_what_a_gradient_that_points_the_wrong_way_hides() =>
        Assert.Contains(
            "a score-based search ('square', 200 queries) breaks 100 % of the inputs that survive the attack",
            Doubt(4, x => Margin((x * 20).round() / 20, 0.2).Plus(x.mean([1]) * 1e-3), "pgd"),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("square", 1, true)]
    [InlineData("square", 200, false)]
    public void A_search_by_scores_that_stops_soon_is_told(string attack, int steps, bool told)
    {
        var doubt = Doubt(16, x => Margin(x, 0.1), attack, steps);
        Assert.Equal(told, doubt?.Contains(" break", StringComparison.Ordinal) ?? false);
    }

    // Small steps are caught by ripples that large ones step over.
    [Fact]
    public void Fewer_steps_must_not_break_more() =>
        Assert.Matches(
            "5 steps of the attack break [2-9]\\d(\\.\\d)? % of the inputs that survive the attack",
            Doubt(1, x => Margin(x, 0.2).Plus((x.mean([1]) * (2 * Math.PI / 0.025)).sin() * 0.02), "pgd")
        );

    [Theory]
    [InlineData("pgd", true)]
    [InlineData("autoattack_rand", false)]
    public void Outputs_that_are_drawn_are_told_unless_the_attack_is_made_for_them(string attack, bool told)
    {
        var doubt = Doubt(2, x => Margin(x, 1).Plus(randn(x.shape[0]) * 0.1), attack);
        Assert.Equal(told, doubt?.Contains("change from pass to pass", StringComparison.Ordinal) ?? false);
    }

    private static string? Doubt(int values, Func<Tensor, Tensor> margin, string attack, int? steps = null)
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([values], 2, x => stack([zeros(x.shape[0]), margin(x)], 1));
        using var data = new EvaluationSet(
            full(100, values, 0.5f),
            ones(100, dtype: ScalarType.Int64),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        GateRule rule = new()
        {
            Metric = Named.Metric("robust_accuracy"),
            Attack = new(Named.Attack(attack), Norm.Linf, 0.25) { Steps = steps },
        };
        using var checks = new TrustChecks(evaluation, rule, 1, TestContext.Current.CancellationToken);
        return checks.Doubt(null, null);
    }

    private static Tensor Margin(Tensor x, double distance) => (x.mean([1]) - 0.5).neg().Plus(distance);
}
