using System.Text.Json;
using PostTrainGate.Metrics;
using PostTrainGate.Schema;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Every group figure of AIF360 0.6.1 and fairlearn 0.10 for the source models' predictions, to
/// 1e-6.</summary>
public class FairnessReferenceTests
{
    // Counted from the rows, and as a policy of predictions alone has them counted from a file.
    public static TheoryData<(string Dataset, string Attribute), string> Sets { get; } =
        new(
            (("adult", "sex"), "rows"),
            (("adult", "race"), "rows"),
            (("german", "sex"), "rows"),
            (("german", "age"), "rows"),
            (("adult", "sex"), "parquet"),
            (("german", "age"), "csv")
        );

    [Theory]
    [MemberData(nameof(Sets))]
    public void Classification_metrics_are_AIF360s((string Dataset, string Attribute) set, string from)
    {
        using var reference = FairnessData.Reference(set.Dataset, set.Attribute);
        var table = FairnessData.Read(set.Dataset, set.Attribute, from).Table(privileged: 1);
        foreach (var figure in reference.RootElement.GetProperty("aif360_classification").EnumerateObject())
        {
            var (metric, rate, alpha) = OfAif360(figure.Name);
            if (metric.Length == 0)
                Same(figure, Rate(rate!).Compute(table.Overall));
            else if (figure.Value.ValueKind == JsonValueKind.String)
                Assert.Contains("infinite", Measure(metric, table, rate, alpha).Reason, StringComparison.Ordinal);
            else
                Same(
                    figure,
                    Measure(metric, table, rate, alpha).Value / (alpha == 0 ? MeanBenefit(table.Overall.Counts) : 1)
                );
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Rates_of_levels_and_of_all_rows_are_AIF360s((string Dataset, string Attribute) set, string from)
    {
        using var reference = FairnessData.Reference(set.Dataset, set.Attribute);
        var data = FairnessData.Read(set.Dataset, set.Attribute, from);
        var table = data.Table(privileged: 1, data.Scores);
        var groups = reference.RootElement.GetProperty("aif360_groups");
        foreach (
            var (name, rows) in new[]
            {
                ("overall", table.Overall),
                ("unprivileged", table[0]),
                ("privileged", table[1]),
            }
        )
        {
            foreach (var figure in groups.GetProperty(name).EnumerateObject())
            {
                var (counts, scores) = (rows.Counts, rows.Scores!);
                Same(
                    figure,
                    figure.Name switch
                    {
                        "n" => counts.Count,
                        "TP" => counts.TruePositives,
                        "FP" => counts.FalsePositives,
                        "FN" => counts.FalseNegatives,
                        "TN" => counts.TrueNegatives,
                        "GFNR" => 1 - scores.MeanFavorable,
                        "GTNR" => 1 - scores.MeanUnfavorable,
                        "gen_GTP" => scores.MeanFavorable * counts.Favorable,
                        "gen_GFP" => scores.MeanUnfavorable * counts.Unfavorable,
                        "gen_GFN" => (1 - scores.MeanFavorable) * counts.Favorable,
                        "gen_GTN" => (1 - scores.MeanUnfavorable) * counts.Unfavorable,
                        _ => Rate(Abbreviated(figure.Name)).Compute(rows),
                    }
                );
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Labels_and_predictions_as_data_sets_have_AIF360s_figures(
        (string Dataset, string Attribute) set,
        string from
    )
    {
        using var reference = FairnessData.Reference(set.Dataset, set.Attribute);
        var table = FairnessData.Read(set.Dataset, set.Attribute, from).Table(privileged: 1);
        var (labels, predictions) = (
            reference.RootElement.GetProperty("aif360_dataset").GetProperty("true_labels"),
            reference.RootElement.GetProperty("aif360_dataset").GetProperty("predicted_labels")
        );
        double Figure(JsonElement of, string name) => of.GetProperty(name).GetDouble();

        Assert.Equal(Figure(labels, "base_rate"), Rate("base_rate").Compute(table.Overall), 1e-6);
        Assert.Equal(Figure(labels, "mean_difference"), Measure("rate_difference", table, "base_rate").Value, 1e-6);
        Assert.Equal(Figure(labels, "disparate_impact"), Measure("rate_ratio", table, "base_rate").Value, 1e-6);
        Assert.Equal(
            Figure(predictions, "mean_difference"),
            Measure("statistical_parity_difference", table).Value,
            1e-6
        );
        var predicted = Measure("differential_fairness", table).Value;
        Assert.Equal(Figure(predictions, "smoothed_empirical_differential_fairness"), predicted, 1e-6);
        Assert.Equal(
            Figure(labels, "smoothed_empirical_differential_fairness"),
            predicted - Measure("differential_fairness_amplification", table).Value,
            1e-6
        );
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Group_metrics_are_fairlearns((string Dataset, string Attribute) set, string from)
    {
        using var reference = FairnessData.Reference(set.Dataset, set.Attribute);
        var data = FairnessData.Read(set.Dataset, set.Attribute, from);
        var table = data.Table(privileged: null, [.. data.Predictions.Select(p => (double)p)]);
        foreach (var figure in reference.RootElement.GetProperty("fairlearn").EnumerateObject())
        {
            if (figure.Value.ValueKind != JsonValueKind.Object)
            {
                var (metric, rate) = OfFairlearn(figure.Name);
                Same(figure, Measure(metric, table, rate).Value);
                continue;
            }

            if (figure.Name == "by_group")
            {
                foreach (var level in figure.Value.EnumerateObject())
                foreach (var rate in level.Value.EnumerateObject().Where(r => r.Name != "count"))
                    Same(rate, Rate(Abbreviated(rate.Name)).Compute(table[table.Levels.IndexOf(level.Name)]));
                continue;
            }

            var how = figure.Name switch
            {
                "difference_between_groups" => "rate_difference",
                "difference_to_overall" => "rate_difference_to_overall",
                "ratio_between_groups" => "rate_ratio",
                _ => "rate_ratio_to_overall",
            };
            foreach (var rate in figure.Value.EnumerateObject().Where(r => r.Name != "count"))
                Same(rate, Measure(how, table, Abbreviated(rate.Name)).Value);
        }
    }

    // The summary of the whole test set as scikit-learn has it: means over both classes are means over the class and
    // its complement.
    [Theory]
    [MemberData(nameof(Sets))]
    public void Summaries_over_all_rows_are_the_references((string Dataset, string Attribute) set, string from)
    {
        using var reference = FairnessData.Reference(set.Dataset, set.Attribute);
        var table = FairnessData.Read(set.Dataset, set.Attribute, from).Table(privileged: 1);
        var rows = table.Overall;
        var c = rows.Counts;
        var mirrored = new LevelRows(new(c.TrueNegatives, c.FalseNegatives, c.FalsePositives, c.TruePositives));
        double Macro(string rate) => (Rate(rate).Compute(rows) + Rate(rate).Compute(mirrored)) / 2;
        foreach (var figure in reference.RootElement.GetProperty("summary").EnumerateObject())
        {
            Same(
                figure,
                figure.Name switch
                {
                    "accuracy" => Rate("accuracy").Compute(rows),
                    "balanced_accuracy" => Rate("balanced_accuracy").Compute(rows),
                    "recall_macro" => Macro("true_positive_rate"),
                    "precision_macro" => Macro("positive_predictive_value"),
                    "f1_macro" => Macro("f1"),
                    "f1_binary" => Rate("f1").Compute(rows),
                    "mcc" => Rate("matthews_correlation").Compute(rows),
                    "spd_abs" => Math.Abs(Measure("statistical_parity_difference", table).Value),
                    "aaod" => Measure("average_absolute_odds_difference", table).Value,
                    _ => Math.Abs(Measure("equal_opportunity_difference", table).Value),
                }
            );
        }
    }

    // AIF360 divides its index of alpha 0 by the mean benefit once more than the definition does (Speicher et al. 2018,
    // equation 2).
    private static double MeanBenefit(Confusion c) =>
        (c.TruePositives + c.TrueNegatives + 2 * c.FalsePositives) / c.Count;

    private static void Same(JsonProperty figure, double value) =>
        Assert.True(Math.Abs(figure.Value.GetDouble() - value) <= 1e-6, $"{figure.Name}: {value}, not {figure.Value}");

    private static Rate Rate(string name) => Catalog.Default.Rates.Single(r => r.Name == name);

    private static Measurement Measure(string metric, GroupTable table, string? rate = null, double alpha = 2) =>
        Catalog
            .Default.Metrics.OfType<TableMetric>()
            .Single(m => m.Name == metric)
            .Measure(
                table,
                new GateRule
                {
                    Metric = Named.Metric(metric),
                    Settings = SettingValues.None.With(BenefitMetric.Alpha, alpha),
                    Rate = rate is null ? null : Rate(rate),
                },
                0.95,
                seed: 1
            );

    // Our metric for a figure's name; none: a rate of all rows. "All groups" are the two that there are.
    private static (string Metric, string? Rate, double Alpha) OfAif360(string name)
    {
        name = name.Replace("between_all_groups", "between_group", StringComparison.Ordinal);
        if (name.Split("_alpha") is [var index, var alpha])
            return (index, null, int.Parse(alpha, System.Globalization.CultureInfo.InvariantCulture));
        if (name == "differential_fairness_bias_amplification")
            return ("differential_fairness_amplification", null, 2);
        if (name == "average_abs_odds_difference")
            return ("average_absolute_odds_difference", null, 2);
        if (Catalog.Default.Metrics.Any(m => m.Name == name && m.Name != "accuracy"))
            return (name, null, 2);
        if (Catalog.Default.Rates.Any(r => r.Name == name))
            return ("", name, 2);
        return name.EndsWith("_ratio", StringComparison.Ordinal)
            ? ("rate_ratio", name[..^"_ratio".Length], 2)
            : ("rate_difference", name[..^"_difference".Length], 2);
    }

    private static (string Metric, string? Rate) OfFairlearn(string name)
    {
        foreach (
            var (end, metric) in new[]
            {
                ("_group_min", "rate_minimum"),
                ("_group_max", "rate_maximum"),
                ("_difference", "rate_difference"),
                ("_ratio", "rate_ratio"),
            }
        )
        {
            if (!name.EndsWith(end, StringComparison.Ordinal))
                continue;
            if (name.StartsWith("equalized_odds", StringComparison.Ordinal))
                return (name, null);
            return (
                metric,
                name[..^end.Length] switch
                {
                    "demographic_parity" => "selection_rate",
                    "accuracy_score" => "accuracy",
                    "balanced_accuracy_score" => "balanced_accuracy",
                    "f1_score" => "f1",
                    "precision_score" => "positive_predictive_value",
                    "recall_score" => "true_positive_rate",
                    "r2_score" => "r2",
                    "roc_auc_score" => "auc",
                    // Of predictions that are 0 or 1, both mean errors are the share of errors.
                    "zero_one_loss" or "mean_absolute_error" or "mean_squared_error" => "error_rate",
                    var rate => rate,
                }
            );
        }

        throw new ArgumentException(name);
    }

    private static string Abbreviated(string name) =>
        name.ToUpperInvariant() switch
        {
            "TPR" => "true_positive_rate",
            "FPR" => "false_positive_rate",
            "TNR" => "true_negative_rate",
            "FNR" => "false_negative_rate",
            "PPV" or "PRECISION" => "positive_predictive_value",
            "NPV" => "negative_predictive_value",
            "FDR" => "false_discovery_rate",
            "FOR" => "false_omission_rate",
            "ACC" => "accuracy",
            "GTPR" => "generalized_true_positive_rate",
            "GFPR" => "generalized_false_positive_rate",
            _ => name,
        };
}
