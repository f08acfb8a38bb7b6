using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Reporting;

namespace PostTrainGate;

/// <summary>
/// Everything a policy can name. Adding one is a new file and a line in its list; the policy's schema, the
/// documentation's tables and
/// the error messages come from these lists.
/// </summary>
public sealed record Catalog : ICatalog
{
    /// <summary>What this version has.</summary>
    public static Catalog Default { get; } = new();

    /// <summary>Attacks.</summary>
    public ImmutableArray<IAttack> Attacks { get; init; } =
    [
        GradientAttack.Fgsm,
        GradientAttack.Pgd,
        GradientAttack.Bim,
        GradientAttack.MiFgsm,
        Apgd.CrossEntropy,
        Apgd.LogitsRatio,
        Apgd.Targeted,
        Fab.Untargeted,
        Fab.Targeted,
        Square.Instance,
        DeepFool.Instance,
        CarliniWagner.Instance,
        ElasticNet.Instance,
        Fmn.Instance,
        Jsma.Instance,
        HopSkipJump.Instance,
        TableGradient.Instance,
        TableSearch.Instance,
        AutoAttack.Standard,
        AutoAttack.Fast,
        AutoAttack.Plus,
        AutoAttack.Randomized,
    ];

    /// <summary>Metrics.</summary>
    public ImmutableArray<IMetric> Metrics { get; init; } =
    [
        new Accuracy(),
        new RobustAccuracy(),
        new CertifiedAccuracy(),
        new SmoothedAccuracy(),
        new MedianPerturbation(),
        CorruptedAccuracy.Accuracy,
        CorruptedAccuracy.Error,
        new EmpiricalRobustness(),
        GroupMetric.StatisticalParityDifference,
        GroupMetric.DisparateImpact,
        GroupMetric.EqualOpportunityDifference,
        GroupMetric.AverageOddsDifference,
        GroupMetric.AverageAbsoluteOddsDifference,
        GroupMetric.EqualizedOddsDifference,
        GroupMetric.EqualizedOddsRatio,
        GroupMetric.PredictiveParityDifference,
        GroupMetric.AveragePredictiveValueDifference,
        GroupMetric.RateDifference,
        GroupMetric.RateRatio,
        GroupMetric.RateDifferenceToOverall,
        GroupMetric.RateRatioToOverall,
        GroupExtremum.Minimum,
        GroupExtremum.Maximum,
        DifferentialFairness.Predictions,
        DifferentialFairness.Amplification,
        BenefitMetric.Theil,
        BenefitMetric.Entropy,
        BenefitMetric.Variation,
        BenefitMetric.BetweenTheil,
        BenefitMetric.BetweenEntropy,
        BenefitMetric.WithinEntropy,
        BenefitMetric.BetweenVariation,
        new CounterfactualFlips(),
        new Consistency(),
        new SituationTesting(),
    ];

    /// <summary>Rates of a level of a group, which metrics compare.</summary>
    public ImmutableArray<Rate> Rates { get; init; } = Rate.All;

    /// <summary>Corruptions of inputs.</summary>
    public ImmutableArray<Corruption> Corruptions { get; init; } = AllCorruptions.All;

    /// <summary>Repairs, in the order they are tried.</summary>
    public ImmutableArray<IRepair> Repairs { get; init; } =
    [
        new BiasShift(),
        new TemperatureScaling(),
        new GroupThresholds(),
        new LastLayer(),
        new NeuronScaling(),
        new PolicyRepair(),
        new FmtRepair(),
        new GroupParityRepair(),
        new AdversarialRepair(),
        new DareRepair(),
        new FmtAll(),
        new DareAll(),
        new AdversarialStatic(),
        new Distillation(),
        new Reweighing(),
        new AdversarialDebiasing(),
        new Care(),
        new Suppression(),
        new RejectOption(),
    ];

    /// <summary>Report writers.</summary>
    public ImmutableArray<IReportWriter> Reports { get; init; } =
    [new GateJson(), new MarkdownReport(), new HtmlReport(), new JUnitReport(), new SarifReport(), new BadgeJson()];

    /// <summary>The one of that name.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public T Get<T>(string name)
        where T : INamed => All<T>().First(n => n.Name == name);

    /// <inheritdoc/>
    public IEnumerable<T> All<T>()
        where T : INamed =>
        Enumerable
            .Empty<INamed>()
            .Concat(Attacks)
            .Concat(Metrics)
            .Concat(Rates)
            .Concat(Corruptions)
            .Concat(Repairs)
            .Concat(Reports)
            .OfType<T>();
}
