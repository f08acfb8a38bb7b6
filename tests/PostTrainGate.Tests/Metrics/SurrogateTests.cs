using PostTrainGate.Metrics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Metrics;

/// <summary>Surrogates of every metric and rate that a policy can name.</summary>
public sealed partial class SurrogateTests(ITestOutputHelper output) : IDisposable
{
    private readonly SurrogateToy _toy = new();
    private readonly Lazy<SurrogateToy> _noisy = new(() => new(clear: false));

    public static TheoryData<string, string?> All { get; } = Entries(_ => true);

    /// <summary>Those that neither draw nor attack.</summary>
    public static TheoryData<string, string?> Exact { get; } = Entries(m => !m.ChangesInputs || m is CertifiedAccuracy);

    public void Dispose()
    {
        _toy.Dispose();
        if (_noisy.IsValueCreated)
            _noisy.Value.Dispose();
    }

    [Fact]
    public void Every_metric_of_the_catalog_has_one() =>
        Assert.All(Catalog.Default.All<IMetric>(), m => Assert.IsType<IDifferentiableMetric>(m, exactMatch: false));

    [Theory]
    [MemberData(nameof(All))]
    public void The_violation_is_the_distance_of_the_figure_from_the_threshold(string metric, string? rate)
    {
        var (toy, rule, value) = Failing(metric, rate);
        using var surrogate = toy.Surrogate(rule);
        var (violation, expected) = (
            toy.Violation(surrogate, toy.Source),
            Math.Abs((rule.Min ?? rule.Max)!.Value - value)
        );
        output.WriteLine($"measured {value}, violation {violation}, expected {expected}");
        if (!rule.Metric.ChangesInputs || rule.Metric is CertifiedAccuracy)
            Assert.Equal(expected, violation, 6);
        else
            Assert.InRange(violation, expected - 0.03, expected + 0.03);
    }

    [Theory]
    [MemberData(nameof(Exact))]
    public void The_gradient_of_the_loss_is_its_slope(string metric, string? rate)
    {
        var (toy, rule, value) = Failing(metric, rate);
        rule = SurrogateToy.Ask(rule, value, 1);
        using var surrogate = toy.Surrogate(rule);
        using var scope = NewDisposeScope();
        using var model = toy.Source.Clone();
        Tensor[] weights = [.. model.Parameters.Values.Where(is_floating_point)];
        foreach (var weight in weights)
            weight.requires_grad_();
        var at = cat([.. weights.Select(w => w.detach().flatten())], 0).clone();
        manual_seed(4);
        var direction = randn_like(at);
        direction = direction / direction.norm();
        var loss = surrogate.Loss(toy.Batch(model));
        Assert.True(loss.item<float>() > 0);
        var gradients = autograd.grad([loss], weights, allow_unused: true);
        var slope = cat(
                [.. weights.Zip(gradients, (w, g) => (g is null || g.IsInvalid ? zeros_like(w) : g).flatten())],
                0
            )
            .dot(direction)
            .item<float>();
        // Few scores change their bin on so short a way.
        const double step = 2e-4;
        var difference = (At(step) - At(-step)) / (2 * step);
        output.WriteLine($"loss {loss.item<float>()}, slope {slope}, difference {difference}");
        Assert.Equal(difference, slope, 0.02 * Math.Abs(difference) + 2e-3);

        double At(double along)
        {
            SurrogateToy.Write(weights, at + direction * along);
            return surrogate.Loss(toy.Batch(model)).to(float64).item<double>();
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_few_steps_on_the_loss_lower_the_violation(string metric, string? rate)
    {
        var (toy, rule, value) = Failing(metric, rate);
        using var surrogate = toy.Surrogate(rule);
        var before = toy.Violation(surrogate, toy.Source);
        using var tuned = toy.Tune(surrogate, steps: 60, rate: 0.02, temperature: 0.3);
        var after = toy.Violation(surrogate, tuned);
        output.WriteLine($"measured {value}, violation {before} to {after}");
        Assert.True(before > 0 && after < before, $"{before} to {after}");
    }

    // A gate that the model fails, on the first rows on which it is measured at all.
    private (SurrogateToy Toy, GateRule Rule, double Value) Failing(string metric, string? rate)
    {
        var (toy, rule) = (_toy, Gate(metric, rate));
        if (double.IsNaN(toy.Measure(rule, toy.Source)))
            toy = _noisy.Value;
        var value = toy.Measure(rule, toy.Source);
        var more = rule.Metric.Better switch
        {
            Better.NearOne => (1 - value) / 2,
            Better.NearZero => value / 2,
            _ => 0.04,
        };
        return (toy, SurrogateToy.Ask(rule, value, more), value);
    }

    private static GateRule Gate(string metric, string? rate) =>
        SurrogateToy.Gate(Named.Metric(metric), Named.RateOrNone(rate));

    private static TheoryData<string, string?> Entries(Func<IMetric, bool> of)
    {
        var entries = new TheoryData<string, string?>();
        foreach (var metric in Catalog.Default.All<IMetric>().Where(of))
        {
            if (!metric.Keys.Contains(GateKeys.Rate))
                entries.Add(metric.Name, null);
            else
                // Labels alone decide the base rate.
                foreach (var rate in Rate.All.Where(r => r != Rate.BaseRate))
                    entries.Add(metric.Name, rate.Name);
        }

        return entries;
    }
}
