using System.Collections.Immutable;

namespace PostTrainGate.Metrics;

/// <summary>The metrics of this kind, by name.</summary>
public sealed partial class GroupMetric
{
    private const string Between = "unprivileged minus privileged, or maximum minus minimum over levels";

    /// <summary>What a repair of one must not worsen unasked: the three that trade against each other.</summary>
    internal static ImmutableArray<GroupMetric> Guarded =>
        [StatisticalParityDifference, EqualOpportunityDifference, AverageAbsoluteOddsDifference];

    /// <summary>Difference of selection rates (Dwork et al. 2012).</summary>
    public static GroupMetric StatisticalParityDifference { get; } =
        new(
            "statistical_parity_difference",
            "Difference in the share of favorable predictions: "
                + $"{Between} (AIF360 statistical_parity_difference, fairlearn demographic_parity_difference).",
            [Rate.Selection]
        );

    /// <summary>Ratio of selection rates (Feldman et al. 2015).</summary>
    public static GroupMetric DisparateImpact { get; } =
        new(
            "disparate_impact",
            "Ratio of the shares of favorable predictions: unprivileged / privileged, or minimum / maximum over levels "
                + "(AIF360 disparate_impact, fairlearn demographic_parity_ratio). The four-fifths rule demands 0.8.",
            [Rate.Selection],
            ratio: true
        );

    /// <summary>Difference of true positive rates (Hardt et al. 2016).</summary>
    public static GroupMetric EqualOpportunityDifference { get; } =
        new(
            "equal_opportunity_difference",
            $"Difference in the true positive rate: {Between} "
                + "(AIF360 equal_opportunity_difference, fairlearn true_positive_rate_difference).",
            [Rate.TruePositive]
        );

    /// <summary>Mean of the differences of false and true positive rates, which may cancel (AIF360).</summary>
    public static GroupMetric AverageOddsDifference { get; } =
        new(
            "average_odds_difference",
            "Mean of the signed differences in false and true positive rate, "
                + "which may cancel out (AIF360 average_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => (s[0] + s[1]) / 2,
            size: false
        );

    /// <summary>Mean of the sizes of both differences (AIF360).</summary>
    public static GroupMetric AverageAbsoluteOddsDifference { get; } =
        new(
            "average_absolute_odds_difference",
            "Mean of the absolute differences in false and true positive rate (AIF360 average_abs_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => (Math.Abs(s[0]) + Math.Abs(s[1])) / 2,
            size: true
        );

    /// <summary>The larger of both differences.</summary>
    public static GroupMetric EqualizedOddsDifference { get; } =
        new(
            "equalized_odds_difference",
            "The larger of the absolute differences in false and true positive rate "
                + "(Hardt et al. 2016; AIF360, fairlearn equalized_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1])),
            size: true,
            largest: true
        );

    /// <summary>The smaller of both ratios.</summary>
    public static GroupMetric EqualizedOddsRatio { get; } =
        new(
            "equalized_odds_ratio",
            "Ratio (smaller / larger) of the false or the true positive rates, "
                + "whichever is further from 1 (fairlearn equalized_odds_ratio).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1])),
            size: true,
            largest: true,
            ratio: true
        );

    /// <summary>Difference of precisions (Chouldechova 2017).</summary>
    public static GroupMetric PredictiveParityDifference { get; } =
        new(
            "predictive_parity_difference",
            $"Difference in the positive predictive value: {Between} "
                + "(Chouldechova 2017; the negative of AIF360 false_discovery_rate_difference).",
            [Rate.PositivePredictive]
        );

    /// <summary>Mean of the differences of precision and false omission rate (AIF360).</summary>
    public static GroupMetric AveragePredictiveValueDifference { get; } =
        new(
            "average_predictive_value_difference",
            "Mean of the signed differences in positive predictive value and false omission rate "
                + "(AIF360 average_predictive_value_difference).",
            [Rate.PositivePredictive, Rate.FalseOmission],
            s => (s[0] + s[1]) / 2,
            size: false
        );

    /// <summary>Difference of any rate.</summary>
    public static GroupMetric RateDifference { get; } =
        new(
            "rate_difference",
            $"Difference in any rate: {Between} (AIF360 RATE_difference, fairlearn RATE_difference).",
            []
        );

    /// <summary>Ratio of any rate.</summary>
    public static GroupMetric RateRatio { get; } =
        new(
            "rate_ratio",
            "Ratio of any rate: unprivileged / privileged, or minimum / maximum over levels "
                + "(AIF360 RATE_ratio, fairlearn RATE_ratio).",
            [],
            ratio: true
        );

    /// <summary>Largest distance of a level's rate from that of all rows.</summary>
    public static GroupMetric RateDifferenceToOverall { get; } =
        new(
            "rate_difference_to_overall",
            "Largest difference between the rate of a level and the rate of all rows "
                + "(fairlearn difference(method='to_overall')).",
            [],
            overall: true
        );

    /// <summary>Smallest ratio of a level's rate and that of all rows.</summary>
    public static GroupMetric RateRatioToOverall { get; } =
        new(
            "rate_ratio_to_overall",
            "Ratio (smaller / larger) of a level's rate and that of all rows, "
                + "for the level furthest from 1 (fairlearn ratio(method='to_overall')).",
            [],
            ratio: true,
            overall: true
        );
}
