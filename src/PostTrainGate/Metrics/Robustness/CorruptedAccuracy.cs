using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Accuracy on inputs as they get corrupted by chance, not by an enemy: the mean over corruptions and severities
/// (Hendrycks and Dietterich 2019), or one minus it, the mean corruption error.
/// </summary>
/// <remarks>
/// The error is not divided by another network's: there is none that every task has, and benchmarks of small images
/// report it like this. Severities repeat each row, so the interval counts rows, each with the share of its corrupted
/// versions that are right.
/// </remarks>
public sealed class CorruptedAccuracy : IDifferentiableMetric, IBlockMetric
{
    internal static readonly Key<ImmutableArray<Corruption>> Corruptions = new(
        "corruptions",
        new ListShape<Corruption>(new NameShape<Corruption>("corruption"), "[fog, jpeg_compression]")
        {
            Distinct = true,
        },
        "Corruptions to apply; default: the fifteen of ImageNet-C for images, all for tables."
    );

    internal static readonly Key<ImmutableArray<int>> Severities = new(
        "severities",
        new ListShape<int>(new CountShape(1, 5), "[1, 3, 5]", most: 5) { Distinct = true },
        "Severities of the corruptions, from 1 to 5; default: all five."
    );

    private const int BatchRows = 100;
    private readonly bool _isError;

    private CorruptedAccuracy(bool isError) => _isError = isError;

    /// <summary>The accuracy.</summary>
    public static CorruptedAccuracy Accuracy { get; } = new(isError: false);

    /// <summary>The error.</summary>
    public static CorruptedAccuracy Error { get; } = new(isError: true);

    /// <inheritdoc/>
    public string Name => _isError ? "mean_corruption_error" : "corrupted_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        _isError
            ? "Error rate averaged over corruptions and severities, not relative to a baseline network "
                + "(Hendrycks and Dietterich 2019)."
            : "Accuracy averaged over common corruptions and severities (Hendrycks and Dietterich 2019); "
                + "Wilson interval. Images get the corruptions of ImageNet-C in any size; "
                + "tables get noise, missing values, shifted units and category flips.";

    /// <inheritdoc/>
    public Better Better => _isError ? Better.Lower : Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [Corruptions, Severities];

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    public string Title(GateRule rule)
    {
        var title = GateTitle.Plain(rule);
        if (rule.Get(Corruptions) is { IsDefaultOrEmpty: false } named)
            title += $", {Wording.List(named.Select(c => c.Name))}";
        if (rule.Get(Severities) is { IsDefaultOrEmpty: false, Length: < 5 } levels)
            title += $", severity {Wording.List(levels.Select(s => $"{s}"))}";
        return title;
    }

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        var plan = CorruptionPlan.TryFind(context.Rule, context.Source, context.Data, out whyNot);
        whyNot ??= Judge.WhyNoTarget(context.Rule);
        return whyNot is null ? new CorruptionSurrogate(context, plan!, _isError) : null;
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var evaluation = context.Evaluation;
        if (evaluation.Data.Count == 0)
            return Measurement.NotMeasured("the split has no rows");
        if (CorruptionPlan.TryFind(context.Rule, evaluation.Model, evaluation.Data, out var whyNot) is not { } plan)
            return Measurement.NotMeasured(whyNot!);
        var (form, chosen, severities) = plan;
        using var scope = NewDisposeScope();
        using var rows = evaluation.Data.Take(context.Chosen(evaluation.Data));
        var columns = plan.Columns(rows);
        var (right, total) = (new double[rows.Count], chosen.Length * severities.Length);
        var hits = new double[chosen.Length, severities.Length];
        foreach (var (c, corruption) in chosen.Index())
        {
            foreach (var (s, severity) in severities.Index())
            {
                context.Cancel.ThrowIfCancellationRequested();
                var correct = Correct(evaluation.Model, rows, form, columns, corruption, severity, context);
                for (var row = 0; row < rows.Count; row++)
                {
                    if (!correct[row])
                        continue;
                    right[row] += 1.0 / total;
                    hits[c, s]++;
                }

                context.Progress?.Report((c * severities.Length + s + 1.0) / total);
            }
        }

        if (context.Work.IsPartial)
            return Measurement.LeftToMerge;
        Measurement Share(double sum, double of) =>
            Value(Intervals.Proportion(Math.Min(sum / of, rows.Count), rows.Count, context.Confidence));
        var name = Name.Replace('_', ' ');
        return Share(right.Sum(), 1) with
        {
            Breakdowns =
            [
                new(
                    $"{name} by corruption",
                    [
                        .. chosen.Select(
                            (k, c) =>
                                BreakdownPart.FromMeasurement(
                                    k.Name,
                                    Share(severities.Select((_, s) => hits[c, s]).Sum(), severities.Length)
                                )
                        ),
                    ]
                ),
                new(
                    $"{name} by severity",
                    [
                        .. severities.Select(
                            (severity, s) =>
                                BreakdownPart.FromMeasurement(
                                    $"{severity}",
                                    Share(chosen.Select((_, c) => hits[c, s]).Sum(), chosen.Length)
                                )
                        ),
                    ]
                ),
            ],
        };
    }

    private Measurement Value(Measurement share) =>
        _isError ? share with { Value = 1 - share.Value, Lower = 1 - share.Upper, Upper = 1 - share.Lower } : share;

    // Every model gets the same corrupted rows: their seed is that of the rows.
    private static bool[] Correct(
        Classifier model,
        EvaluationSet rows,
        InputForm form,
        ColumnStatistics? columns,
        Corruption corruption,
        int severity,
        MetricContext context
    )
    {
        var correct = new List<bool>();
        var size = form.IsTable ? rows.Count : BatchRows; // a table's columns are corrupted as a whole
        for (var start = 0; start < rows.Count; start += size)
        {
            var (first, count) = (start, Math.Min(size, rows.Count - start));
            var outcome = context.Work.Find($"{corruption.Name} {severity} {first}", count, () =>
                new(Batch(first, count))
            );
            correct.AddRange(outcome?.Answers ?? new bool[count]);
        }

        return [.. correct];

        bool[] Batch(int start, int count)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var batch = NewDisposeScope();
            using var random = new Generator(
                (ulong)Seeds.Derive(context.RowSeed, $"{corruption.Name} {severity}", start),
                CPU
            );
            var corrupted = form.Apply(corruption, rows.InputsOf(start, count), severity, random, columns);
            return
            [
                .. AttackHarness
                    .Errs(model.LogitsOfAll(corrupted), rows.Labels.narrow(0, start, count))
                    .logical_not()
                    .data<bool>(),
            ];
        }
    }
}
