using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Share of rows that are classified correctly and for which it is proved that nothing within epsilon changes that. It
/// bounds the true robust accuracy from below, as <see cref="RobustAccuracy"/> bounds it from above.
/// </summary>
public sealed class CertifiedAccuracy : IDifferentiableMetric, IBlockMetric
{
    internal static readonly Key<BoundMethod> Method = new(
        "method",
        new ChoiceShape<BoundMethod>(),
        "How to bound the network's outputs: by intervals (IBP), or by linear functions of the input (CROWN), "
            + "which are tighter."
    )
    {
        Default = "crown",
    };

    /// <inheritdoc/>
    public string Name => "certified_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows classified correctly under every perturbation within epsilon, "
        + "as bounds of the network's outputs prove "
        + "(Gowal et al. 2018, Zhang et al. 2018); Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [AttackKeys.Norm, AttackKeys.Epsilon, Method];

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    public string Title(GateRule rule) =>
        $"{GateTitle.Plain(rule)}, {rule.Get(Method).ToString().ToUpperInvariant()} {rule.Get(AttackKeys.Norm)} "
        + $"epsilon {Numbers.Chosen(rule.Get(AttackKeys.Epsilon))}";

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        whyNot = Judge.WhyNoTarget(context.Rule);
        if (whyNot is null && context.Source.IsRowByRow)
            whyNot = $"{context.Source.Name} cannot be certified because its batch size is fixed at one row";
        if (whyNot is null)
        {
            using var graph = BoundGraph.TryBuild(context.Source, context.Data.InputShape, out whyNot);
        }

        return whyNot is null ? new CertificateSurrogate(context) : null;
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var ball = new CertificateSettings(
            context.Rule.Get(AttackKeys.Norm),
            context.Rule.Get(AttackKeys.Epsilon),
            context.Rule.Get(Method)
        );
        var data = context.Evaluation.Data;
        if (data.Count == 0)
            return Measurement.NotMeasured("the split has no rows");
        if (context.Evaluation.Model is not OnnxClassifier model)
            return Measurement.NotMeasured(
                "certification needs the model's graph, which cannot be rebuilt: "
                    + $"{context.Evaluation.Model.WhyNoGradients}"
            );
        if (model.IsRowByRow)
            return Measurement.NotMeasured(
                $"{model.Name} cannot be certified because its batch size is fixed at one row"
            );
        using var graph = BoundGraph.TryBuild(model, data.InputShape, out var reason);
        if (graph is null)
            return Measurement.NotMeasured($"{model.Name} cannot be certified: {reason}");
        using var rows = data.Take(context.Chosen(data));
        var found = Certifier.Run(
            graph,
            model,
            rows.Inputs,
            rows.Labels,
            ball,
            context.Seed,
            context.Progress,
            context.Cancel,
            context.Work
        );
        if (context.Work.IsPartial)
            return Measurement.LeftToMerge;
        var (certified, wrong, broken) = (
            found.Certified.Count(c => c),
            found.Correct.Count(c => !c),
            found.Broken.Count(b => b)
        );
        return new Measurement(Intervals.Proportion(certified, rows.Count, context.Confidence))
        {
            Breakdowns =
            [
                Breakdown.ByClass("certified accuracy by class", rows, row => found.Certified[row], context.Confidence),
            ],
            Notes =
            [
                $"Of {rows.Count} rows, certified: {certified}; misclassified without a perturbation: {wrong}; "
                    + $"broken by a short attack: {broken}; undecided: {rows.Count - certified - wrong - broken}.",
            ],
        };
    }
}
