using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Reporting;

namespace PostTrainGate;

/// <summary>
/// Everything a policy can name. Adding one is a new file and a line here; the policy's schema, the documentation's tables and the
/// error messages come from these lists.
/// </summary>
public static class Catalog
{
    /// <summary>Attacks, by name in the policy.</summary>
    public static ImmutableArray<IAttack> Attacks { get; } =
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
        AutoAttack.Randomised,
    ];

    /// <summary>Metrics, by name in the policy.</summary>
    public static ImmutableArray<IMetric> Metrics { get; } =
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
        DifferentialFairness.OfPredictions,
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

    /// <summary>Rates of a level of a group, which metrics compare, by name in the policy.</summary>
    public static ImmutableArray<Rate> Rates => Rate.All;

    /// <summary>Corruptions of inputs, by name in the policy.</summary>
    public static ImmutableArray<Corruption> Corruptions { get; } =
    [
        NoiseCorruptions.Gaussian,
        NoiseCorruptions.Shot,
        NoiseCorruptions.Impulse,
        BlurCorruptions.Defocus,
        BlurCorruptions.Glass,
        BlurCorruptions.Motion,
        BlurCorruptions.Zoom,
        WeatherCorruptions.Snow,
        WeatherCorruptions.Frost,
        WeatherCorruptions.Fog,
        WeatherCorruptions.Brightness,
        DigitalCorruptions.Contrast,
        DigitalCorruptions.Elastic,
        DigitalCorruptions.Pixelate,
        DigitalCorruptions.Jpeg,
        NoiseCorruptions.Speckle,
        BlurCorruptions.Gaussian,
        WeatherCorruptions.Spatter,
        DigitalCorruptions.Saturate,
        TableCorruptions.Noise,
        TableCorruptions.Missing,
        TableCorruptions.Units,
        TableCorruptions.Flips,
    ];

    /// <summary>Repairs, in the order they are tried.</summary>
    public static ImmutableArray<IRepair> Repairs { get; } =
    [new FmtRepair(), new GroupParityRepair(), new AdversarialRepair(), new DareRepair()];

    /// <summary>Report writers.</summary>
    public static ImmutableArray<IReportWriter> Reports { get; } =
    [new GateJson(), new MarkdownReport(), new HtmlReport(), new JUnitReport(), new SarifReport()];
}
