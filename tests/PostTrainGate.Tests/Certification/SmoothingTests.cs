using System.Collections.Immutable;
using MathNet.Numerics.Distributions;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

/// <summary>Randomized smoothing where the smoothed classifier is known exactly.</summary>
public class SmoothingTests(ITestOutputHelper output)
{
    private const double Sigma = 0.5;
    private static readonly float[] Weight = [0.9f, -1.4f, 0.3f, 0.6f];

    // Scores without gradients: z = (0, sign(w x)), which under noise is right with probability Phi(d / sigma), d the
    // distance of the boundary.
    private static FunctionClassifier Linear() =>
        new(
            [4],
            2,
            x =>
            {
                var z = x.matmul(tensor(Weight));
                return stack([zeros_like(z), z.sign()], 1);
            },
            hasGradients: false
        );

    private static Tensor At(params double[] distances)
    {
        var w = tensor(Weight);
        return stack([.. distances.Select(d => w * (float)d / w.norm())]);
    }

    [Fact]
    public void The_radius_of_a_linear_classifier_is_sigma_times_the_quantile_and_never_beyond_the_boundary()
    {
        using var scope = NewDisposeScope();
        using var model = Linear();
        double[] distances = [0.2, 0.4, 0.8, 1.2, -0.4, -0.8];
        var found = Smoothing.Certify(
            model,
            At(distances),
            Sigma,
            10_000,
            3,
            null,
            TestContext.Current.CancellationToken
        );
        foreach (var (verdict, d) in found.Zip(distances))
        {
            output.WriteLine($"distance {d}: class {verdict.Class}, radius {verdict.Radius}");
            Assert.Equal(d > 0 ? 1 : 0, verdict.Class);
            Assert.InRange(verdict.Radius, 0, Math.Abs(d));
            // The bound for as many hits as are expected less four standard deviations.
            var p = Normal.CDF(0, 1, Math.Abs(d) / Sigma);
            var hits = (long)(10_000 * p - 4 * Math.Sqrt(10_000 * p * (1 - p)));
            Assert.InRange(verdict.Radius, Sigma * Normal.InvCDF(0, 1, Smoothing.Lower(hits, 10_000)), Math.Abs(d));
        }
    }

    [Fact]
    public void On_the_boundary_it_abstains_and_the_seed_decides_the_noise()
    {
        using var scope = NewDisposeScope();
        using var model = Linear();
        var cancel = TestContext.Current.CancellationToken;
        Assert.Equal(new Smoothing.Verdict(-1, 0), Smoothing.Certify(model, At(0), Sigma, 1000, 3, null, cancel)[0]);
        var x = At(0.3, 0.5);
        Assert.Equal(
            Smoothing.Certify(model, x, Sigma, 1000, 3, null, cancel),
            Smoothing.Certify(model, x, Sigma, 1000, 3, null, cancel)
        );
        Assert.NotEqual(
            Smoothing.Certify(model, x, Sigma, 1000, 3, null, cancel),
            Smoothing.Certify(model, x, Sigma, 1000, 4, null, cancel)
        );
    }

    // The lower end is the probability under which so many hits or more have a chance of alpha.
    [Theory]
    [InlineData(1, 10)]
    [InlineData(57, 100)]
    [InlineData(990, 1000)]
    [InlineData(9_999, 10_000)]
    public void The_interval_is_Cloppers_and_Pearsons(int hits, int draws)
    {
        Assert.Equal(Smoothing.Alpha, 1 - Binomial.CDF(Smoothing.Lower(hits, draws), draws, hits - 1), 1e-6);
        Assert.Equal(Math.Pow(Smoothing.Alpha, 1.0 / draws), Smoothing.Lower(draws, draws), 1e-9);
        Assert.Equal(0, Smoothing.Lower(0, draws));
    }

    [Fact]
    public void The_metric_counts_rows_that_are_right_and_certified_and_says_how_many_abstain()
    {
        using var scope = NewDisposeScope();
        using var model = Linear();
        using var data = new EvaluationSet(
            At(1, 0.8, 0.3, 0, -1),
            tensor(new long[] { 1, 1, 1, 1, 1 }),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        GateRule rule = Rule(0.5, 2000);
        var measured = new SmoothedAccuracy().Measure(new(evaluation, rule, 0.95, 1));
        Assert.Equal(Intervals.Proportion(2, 5, 0.95), measured with { Breakdowns = [], Notes = [] });
        Assert.Contains("abstains on 1 of 5 rows", Assert.Single(measured.Notes), StringComparison.Ordinal);
        Assert.Equal([3 / 5.0, 3 / 5.0, 2 / 5.0], measured.Breakdowns[1].Parts.Take(3).Select(p => p.Value!.Value));
    }

    private static GateRule Rule(double epsilon, int draws) =>
        new()
        {
            Metric = new SmoothedAccuracy(),
            Settings = SettingValues
                .None.With(SmoothedAccuracy.Sigma, Sigma)
                .With(AttackKeys.Epsilon, epsilon)
                .With(SmoothedAccuracy.Draws, draws),
        };

    [Fact]
    public void A_radius_that_the_draws_cannot_reach_is_said_to_be_out_of_reach()
    {
        using var scope = NewDisposeScope();
        using var model = Linear();
        using var data = new EvaluationSet(
            At(9),
            tensor(new long[] { 1 }),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        var measured = new SmoothedAccuracy().Measure(new(evaluation, Rule(1.5, 100), 0.95, 1));
        Assert.Equal(0, measured.Value);
        Assert.Contains("increase 'draws' or 'sigma'", measured.Notes[1], StringComparison.Ordinal);
    }
}
