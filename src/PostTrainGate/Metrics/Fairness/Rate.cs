using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// The rows of one level: how they were predicted, and the scores they were given where a rate asks for them.
/// </summary>
/// <param name="Counts">The confusion table.</param>
/// <param name="Scores">Scores of the favorable outcome; null where nobody needs them.</param>
public readonly record struct LevelRows(Confusion Counts, ScoreCounts? Scores = null);

/// <summary>
/// One number that each level of a group has, from its counts or from its scores. NaN where the level lacks the rows
/// for it.
/// </summary>
/// <param name="Name">Name in the policy.</param>
/// <param name="Summary">One sentence, with the names it has elsewhere.</param>
/// <param name="Base">In words, the rows it cannot be without.</param>
/// <param name="Compute">The number.</param>
public sealed record Rate(string Name, string Summary, string Base, Func<LevelRows, double> Compute) : INamed
{
    private const string Favorable = "rows with a favorable label";
    private const string Unfavorable = "rows with an unfavorable label";
    private const string Predicted = "rows predicted favorable";
    private const string NotPredicted = "rows predicted unfavorable";
    private const string Both = $"{Favorable} or no {Unfavorable}";

    /// <summary>Share of rows with a favorable prediction.</summary>
    public static Rate Selection { get; } =
        Share(
            "selection_rate",
            "Share of rows predicted favorable (AIF360, fairlearn selection_rate).",
            "rows",
            c => c.Selected,
            c => c.Count
        );

    /// <summary>Share of rows whose label is favorable.</summary>
    public static Rate BaseRate { get; } =
        Share(
            "base_rate",
            "Share of rows with a favorable label (AIF360 base_rate).",
            "rows",
            c => c.Favorable,
            c => c.Count
        );

    /// <summary>Of the rows that deserve the favorable outcome, the share predicted so.</summary>
    public static Rate TruePositive { get; } =
        Share(
            "true_positive_rate",
            "Share of rows with a favorable label that are predicted favorable; "
                + "recall (AIF360, fairlearn true_positive_rate).",
            Favorable,
            c => c.TruePositives,
            c => c.Favorable
        );

    /// <summary>Of the rows that do not deserve the favorable outcome, the share predicted so all the same.</summary>
    public static Rate FalsePositive { get; } =
        Share(
            "false_positive_rate",
            "Share of rows with an unfavorable label that are predicted favorable "
                + "(AIF360, fairlearn false_positive_rate).",
            Unfavorable,
            c => c.FalsePositives,
            c => c.Unfavorable
        );

    /// <summary>Of the rows that do not deserve the favorable outcome, the share predicted so.</summary>
    public static Rate TrueNegative { get; } =
        Share(
            "true_negative_rate",
            "Share of rows with an unfavorable label that are predicted unfavorable "
                + "(AIF360, fairlearn true_negative_rate).",
            Unfavorable,
            c => c.TrueNegatives,
            c => c.Unfavorable
        );

    /// <summary>Of the rows predicted favorable, the share that deserve it.</summary>
    public static Rate PositivePredictive { get; } =
        Share(
            "positive_predictive_value",
            "Share of rows predicted favorable whose label is favorable; "
                + "precision (AIF360 positive_predictive_value, fairlearn precision).",
            Predicted,
            c => c.TruePositives,
            c => c.Selected
        );

    /// <summary>Of the rows not predicted favorable, the share that deserve it.</summary>
    public static Rate FalseOmission { get; } =
        Share(
            "false_omission_rate",
            "Share of rows predicted unfavorable whose label is favorable (AIF360 false_omission_rate).",
            NotPredicted,
            c => c.FalseNegatives,
            c => c.Rejected
        );

    /// <summary>Every rate that a policy may name.</summary>
    public static ImmutableArray<Rate> All { get; } =
    [
        Selection,
        BaseRate,
        TruePositive,
        FalsePositive,
        Share(
            "false_negative_rate",
            "Share of rows with a favorable label that are predicted unfavorable "
                + "(AIF360, fairlearn false_negative_rate).",
            Favorable,
            c => c.FalseNegatives,
            c => c.Favorable
        ),
        TrueNegative,
        PositivePredictive,
        Share(
            "negative_predictive_value",
            "Share of rows predicted unfavorable whose label is unfavorable (AIF360 negative_predictive_value).",
            NotPredicted,
            c => c.TrueNegatives,
            c => c.Rejected
        ),
        Share(
            "false_discovery_rate",
            "Share of rows predicted favorable whose label is unfavorable (AIF360 false_discovery_rate).",
            Predicted,
            c => c.FalsePositives,
            c => c.Selected
        ),
        FalseOmission,
        Share(
            "accuracy",
            "Share of rows whose prediction matches the label (AIF360 accuracy, fairlearn accuracy_score).",
            "rows",
            c => c.TruePositives + c.TrueNegatives,
            c => c.Count
        ),
        Share(
            "error_rate",
            "Share of rows whose prediction differs from the label (AIF360 error_rate, fairlearn zero_one_loss).",
            "rows",
            c => c.FalsePositives + c.FalseNegatives,
            c => c.Count
        ),
        Counted(
            "balanced_accuracy",
            "Mean of the true positive and the true negative rate (fairlearn balanced_accuracy_score).",
            Both,
            c => (c.TruePositives / c.Favorable + c.TrueNegatives / c.Unfavorable) / 2
        ),
        Counted(
            "f1",
            "Harmonic mean of precision and recall for the favorable class (fairlearn f1_score).",
            "rows with a favorable label or prediction",
            c => 2 * c.TruePositives / (c.Favorable + c.Selected)
        ),
        Counted(
            "matthews_correlation",
            "Correlation between label and prediction (Matthews 1975).",
            $"{Both}, or only one predicted class",
            c =>
                (c.TruePositives * c.TrueNegatives - c.FalsePositives * c.FalseNegatives)
                / Math.Sqrt(c.Favorable * c.Unfavorable * c.Selected * c.Rejected)
        ) with
        {
            Largest = 2,
        },
        Counted(
            "r2",
            "Share of the variance of the labels, as 0 and 1, that the predicted class explains (fairlearn r2_score).",
            Both,
            c => 1 - (c.FalsePositives + c.FalseNegatives) * c.Count / (c.Favorable * c.Unfavorable)
        ) with
        {
            Largest = double.PositiveInfinity,
        },
        Scored("auc", "Area under the ROC curve of the score; ties count as half (fairlearn roc_auc_score).", Both, s =>
            s.Auc
        ) with
        {
            Soft = SoftRates.Auc,
            Pairs = c => Math.Min(c.Favorable, c.Unfavorable),
        },
        Scored(
            "log_loss",
            "Mean cross-entropy of the score in nats, "
                + "with scores clipped 2.2e-16 away from 0 and 1 (fairlearn log_loss).",
            "rows",
            s => s.LogLoss
        ) with
        {
            Soft = SoftRates.LogLoss,
            Largest = double.PositiveInfinity,
        },
        Scored(
            "calibration_error",
            "Expected calibration error of the score over ten bins of equal width (Naeini et al. 2015), "
                + "reported bias-corrected; a note gives the raw value.",
            "rows",
            s => Math.Max(0, DebiasedAbsoluteSum.Compute(s.Excess).Value)
        ) with
        {
            Soft = SoftRates.CalibrationError,
            Sizes = s => s.Excess,
        },
        Scored(
            "generalized_true_positive_rate",
            "Mean score of rows with a favorable label (AIF360 generalized_true_positive_rate).",
            Favorable,
            s => s.MeanFavorable
        ) with
        {
            Soft = SoftRates.MeanFavorable,
        },
        Scored(
            "generalized_false_positive_rate",
            "Mean score of rows with an unfavorable label (AIF360 generalized_false_positive_rate).",
            Unfavorable,
            s => s.MeanUnfavorable
        ) with
        {
            Soft = SoftRates.MeanUnfavorable,
        },
    ];

    /// <summary>How many rows of how many, where the rate is a share; null where it is not.</summary>
    public Func<Confusion, (double Hits, double Total)>? Part { get; private init; }

    /// <summary>Largest value, or distance of two values, that there can be.</summary>
    public double Largest { get; private init; } = 1;

    /// <summary>
    /// What it is the sum of the sizes of, so that noise in each adds to it; null where it is no such sum.
    /// </summary>
    internal Func<ScoreCounts, NoisyTerm[]>? Sizes { get; private init; }

    /// <summary>The rate with gradients, of those that come from scores; null where it is counted.</summary>
    internal SoftRate? Soft { get; private init; }

    /// <summary>
    /// Pairs of rows, none in two of them, that it is the expected share of; null where it is no share of pairs.
    /// </summary>
    internal Func<Confusion, double>? Pairs { get; private init; }

    /// <summary>
    /// Whether a bootstrap gives no right interval: noise alone makes it larger, or all pairs agree, as they then do in
    /// every replicate.
    /// </summary>
    internal bool LeavesBootstrap(LevelRows rows) => Sizes is not null || AllPairsAgree(rows);

    /// <summary>Whether it is a share of pairs that all agree.</summary>
    internal bool AllPairsAgree(LevelRows rows) => Pairs is not null && Compute(rows) is 0.0 or 1.0;

    /// <summary>Rows that groups are compared on by it.</summary>
    public ComparedRows Compares =>
        Base switch
        {
            Favorable => ComparedRows.Favorable,
            Unfavorable => ComparedRows.EachLabel,
            _ => ComparedRows.All,
        };

    /// <summary>Whether it comes from scores, so that counts do not do.</summary>
    public bool NeedsScores { get; private init; }

    /// <summary>The rows it rests on: those it is a share of, or all of the level.</summary>
    public double Rows(Confusion counts) => Part is null ? counts.Count : Part(counts).Total;

    private static Rate Share(
        string name,
        string summary,
        string rows,
        Func<Confusion, double> hits,
        Func<Confusion, double> total
    ) => new(name, summary, rows, l => hits(l.Counts) / total(l.Counts)) { Part = c => (hits(c), total(c)) };

    private static Rate Counted(string name, string summary, string rows, Func<Confusion, double> of) =>
        new(name, summary, rows, l => of(l.Counts));

    private static Rate Scored(string name, string summary, string rows, Func<ScoreCounts, double> of) =>
        new(name, summary, rows, l => of(l.Scores!)) { NeedsScores = true };
}
