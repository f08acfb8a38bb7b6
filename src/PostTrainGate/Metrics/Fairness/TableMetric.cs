using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>Which class of several counts as the favorable outcome.</summary>
public enum ClassView
{
    /// <summary>The one that the data names, against all others.</summary>
    Favorable,

    /// <summary>
    /// Each class against all others, and the mean: of differences and ratios the mean of their sizes.
    /// </summary>
    Macro,

    /// <summary>Each class against all others, and the one that fares worst.</summary>
    Worst,
}

/// <summary>A metric that is a function of a group's tables of counts.</summary>
public abstract class TableMetric : IPredictionMetric, IPairedMetric, IDifferentiableMetric
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Summary { get; }

    /// <inheritdoc/>
    public abstract Better Better { get; }

    /// <inheritdoc/>
    public abstract ImmutableArray<Key> Keys { get; }

    /// <inheritdoc/>
    public virtual double Largest =>
        Keys.Contains(GateKeys.Rate) && Better != Better.NearOne ? double.PositiveInfinity : 1;

    /// <inheritdoc/>
    public virtual ComparedRows Compares(GateRule rule) => ComparedRows.All;

    /// <inheritdoc/>
    public string Title(GateRule rule)
    {
        var title = GateTitle.Name(rule);
        if (rule.Rate is { } rate)
            title += $" of {rate.Name.Replace('_', ' ')}";
        if (rule.Average is not ClassView.Favorable and var view)
            title += view == ClassView.Macro ? ", mean over classes" : ", worst class";
        return GateTitle.WithGroup(rule, title);
    }

    /// <summary>The metric and its interval from counts alone.</summary>
    /// <param name="table">Counts per level.</param>
    /// <param name="rule">What the policy asks for beyond the group: rate, alpha.</param>
    /// <param name="confidence">Level of the interval, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    public abstract Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed);

    /// <summary>The figure alone; NaN where a level lacks the rows for it.</summary>
    protected abstract double Compute(GroupTable table, GateRule rule);

    /// <summary>The figure alone, for simulations whose truth is known.</summary>
    internal double Value(GroupTable table, GateRule rule) => Compute(table, rule);

    /// <summary>
    /// The figure of a gate alone, from a table for each class that it looks at; NaN where one has none.
    /// </summary>
    internal double Figure(IReadOnlyList<GroupTable> tables, GateRule rule)
    {
        Measurement[] each = [.. tables.Select(t => Compute(t, rule)).Select(v => new Measurement(v, v, v, 0))];
        if (each.FirstOrDefault(m => double.IsNaN(m.Value)) is { } missing)
            return missing.Value;
        return rule.Average switch
        {
            ClassView.Favorable => each[0].Value,
            ClassView.Worst => Worst(each).Value,
            _ => Mean(each).Value,
        };
    }

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        var (rule, data) = (context.Rule, context.Data);
        GroupColumn? group = null;
        whyNot =
            Keys.Contains(GateKeys.Group) && !data.Groups.TryGetValue(rule.Group ?? "", out group)
                ? $"the data has no group '{rule.Group}'"
                : Judge.WhyNoTarget(rule, eitherSide: true) ?? WhyNoSlope(rule);
        if (whyNot is not null)
            return null;
        var table = GroupTable.Count(new(data.LabelValues, data.LabelValues, group), data.Favorable);
        var empty = Enumerable.Range(0, table.Cells.Length).FirstOrDefault(l => table.Cells[l].Count == 0, -1);
        if (empty < 0)
            return new TableSurrogate(this, context, group);
        whyNot = $"level '{table.Levels[empty]}' has no rows";
        return null;
    }

    /// <summary>Why no change of predictions moves the figure by a little; null where one does.</summary>
    private protected virtual string? WhyNoSlope(GateRule rule) =>
        rule.Rate == Rate.BaseRate ? "the base rate depends on labels alone" : null;

    /// <inheritdoc/>
    Measurement IPairedMetric.Loss(MetricContext context, Evaluation other)
    {
        var (rule, data) = (context.Rule, context.Evaluation.Data);
        if (rule.Average != ClassView.Favorable || IsScored(rule))
            return Measurement.NotMeasured("this metric has no paired comparison of two models");
        if (context.Evaluation.Rows(rule.Group) is not { } rows)
            return NoGroup(rule);
        var (now, then) = (rows.Predictions, other.Predictions);
        var table = GroupTable.Count(rows, data.Favorable);
        return PairedCounts
            .Count(
                table,
                data.Count,
                row => GroupColumn.CountedLevel(rows.Group, row),
                row => data.LabelValues[row] == data.Favorable,
                row => now[row] == data.Favorable,
                row => then[row] == data.Favorable
            )
            .Loss(t => Compute(t, rule), Better, context.Confidence, context.Seed);
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context) =>
        Compute(context.Evaluation, context.Rule, context.Confidence, context.Seed, context.Explain);

    /// <inheritdoc/>
    Measurement IPredictionMetric.Measure(IPredictions predictions, GateRule rule, double confidence, int seed) =>
        Compute(predictions, rule, confidence, seed, explain: true);

    private Measurement Compute(IPredictions predictions, GateRule rule, double confidence, int seed, bool explain)
    {
        if (RowsOf(predictions, rule, predictions.Favorable) is not { } rows)
            return NoGroup(rule);
        if (rows.Total == 0)
            return Measurement.NotMeasured("the split has no rows");
        if (IsScored(rule) && rows.Scores is null)
            return Measurement.NotMeasured("the rate needs scores, but only predicted classes are available");
        var m = Compute(predictions, rows, rule, confidence, seed, explain);
        if (!explain)
            return m;
        var without = Enumerable
            .Range(0, rows.Labels.Length)
            .Sum(i => GroupColumn.CountedLevel(rows.Group, i) < 0 ? rows.Count(i) : 0);
        return without == 0 || !m.IsMeasured
            ? m
            : m with
            {
                Notes =
                [
                    $"{without} of {rows.Total} rows have no value for the group '{rule.Group}' and are excluded",
                    .. m.Notes,
                ],
            };
    }

    private PredictedRows? RowsOf(IPredictions predictions, GateRule rule, int favorable) =>
        predictions.Rows(Keys.Contains(GateKeys.Group) ? rule.Group ?? "" : null, IsScored(rule) ? favorable : null);

    private Measurement Compute(
        IPredictions predictions,
        PredictedRows rows,
        GateRule rule,
        double confidence,
        int seed,
        bool explain
    )
    {
        if (rule.Average == ClassView.Favorable)
        {
            var table = GroupTable.Count(rows, predictions.Favorable);
            var measured = Measure(table, rule, confidence, seed);
            if (!explain)
                return measured;
            var explained = new GroupExplanation(table, rows, predictions, rule, t => Compute(t, rule), Better).With(
                measured,
                Rates(rule),
                confidence,
                seed
            );
            string?[] notes = [OneOfSeveral(predictions, rule), Sizes(table, rule)];
            return explained with { Notes = [.. explained.Notes, .. notes.OfType<string>()] };
        }

        // The worst of several is the worst by chance too: each interval is widened as for so many gates (Bonferroni).
        var classes = predictions.ClassNames.Length;
        var level = rule.Average == ClassView.Worst ? 1 - (1 - confidence) / classes : confidence;
        var each = Enumerable
            .Range(0, classes)
            .Select(c => Measure(GroupTable.Count(RowsOf(predictions, rule, c)!, c), rule, level, seed))
            .ToArray();
        if (each.Index().FirstOrDefault(m => !m.Item.IsMeasured) is { Item.Reason: { } reason } missing)
            return Measurement.NotMeasured($"class '{predictions.ClassNames[missing.Index]}': {reason}");
        return rule.Average == ClassView.Worst ? Worst(each) : Mean(each);
    }

    // The share of right answers is another figure there.
    private static string? OneOfSeveral(IPredictions predictions, GateRule rule) =>
        predictions.ClassNames.Length > 2 && rule.Rate?.Name is "accuracy" or "error_rate"
            ? $"Of {predictions.ClassNames.Length} classes, this {rule.Rate.Name.Replace('_', ' ')} tells "
                + $"'{predictions.ClassNames[predictions.Favorable]}' from the rest; "
                + "'average: worst' looks at each class."
            : null;

    // What other libraries say of such a rate.
    private static string? Sizes(GroupTable table, GateRule rule) =>
        rule.Rate is not { NeedsScores: true, Sizes: { } sizes } rate
            ? null
            : $"Without bias correction, the {rate.Name.Replace('_', ' ')} is "
                + string.Join(
                    ", ",
                    table.Levels.Select(
                        (name, l) =>
                            $"{Numbers.Chosen(DebiasedAbsoluteSum.AsMeasured(sizes(table[l].Scores!)))} for '{name}'"
                    )
                )
                + ".";

    private static Measurement NoGroup(GateRule rule) =>
        Measurement.NotMeasured($"the data has no group '{rule.Group}'");

    private static bool IsScored(GateRule rule) => rule.Rate is { NeedsScores: true };

    /// <summary>The rates that explain the figure.</summary>
    protected virtual Rate[] Rates(GateRule rule) => rule.Rate is { } rate ? [rate] : [Rate.Selection];

    private Measurement Worst(Measurement[] measured)
    {
        double Value(Measurement m) => Judge.Judged(Better, m).Value;
        return Better is Better.NearZero or Better.Lower ? measured.MaxBy(Value)! : measured.MinBy(Value)!;
    }

    // The mean of the ends is never too narrow for the mean of the values: errors that vary together add up, others
    // cancel.
    private Measurement Mean(Measurement[] measured)
    {
        var judged = measured.Select(m => Judge.Judged(Better, m)).ToArray();
        return new(
            judged.Average(j => j.Value),
            judged.Average(j => j.Lower),
            judged.Average(j => j.Upper),
            measured[0].Count
        );
    }
}
