using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>A metric that is only named: for what a policy may say of it.</summary>
internal sealed record NamedMetric(string Name, string Summary, Better Better) : IPredictionMetric
{
    public ImmutableArray<Key> Keys { get; init; } = [];

    public double Largest { get; init; } = 1;

    public bool ChangesInputs { get; init; }

    public Measurement Measure(MetricContext context) => Measurement.NotMeasured("it is only named");

    public Measurement Measure(IPredictions predictions, GateRule rule, double confidence, int seed) =>
        Measurement.NotMeasured("it is only named");
}

/// <summary>An attack that is only named.</summary>
internal sealed record NamedAttack(string Name, string Summary) : IAttack
{
    public bool NeedsGradients => true;

    public IReadOnlyList<Norm> Norms { get; init; } = Enum.GetValues<Norm>();

    public bool KeepsForm { get; init; }

    public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels) => inputs.clone();
}
