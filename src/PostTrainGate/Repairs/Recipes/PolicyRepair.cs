using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;

namespace PostTrainGate.Repairs;

/// <summary>
/// Plans tuning with the whole policy as the objective, for any gate whose metric has a surrogate.
/// </summary>
public sealed class PolicyRepair : IRepair
{
    // How far beyond the threshold the weights aim, as a part of it: figures of other rows scatter. Soft predictions at a
    // higher temperature are nearly scores, which few rows cannot satisfy by a handful of them.
    private static readonly ImmutableArray<(double Aim, string Name, double From, double To)> Aims =
    [
        (0.3, "", 1, 0.25),
        (0.3, " smooth", 2, 2),
        (0, "", 1, 0.25),
        (0, " smooth", 2, 2),
        (0.7, "", 1, 0.25),
    ];

    // Part of the policy's effort that a plan with changed inputs can use.
    private const double MostOfEffort = 0.6;

    /// <inheritdoc/>
    public string Name => "policy";

    /// <inheritdoc/>
    public string Summary =>
        "Changes the model as little as possible such that every gate holds: constrained optimization with a "
        + "multiplier for each gate (after Cotter et al., JMLR 2019).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        string? reason = null;
        foreach (var gate in context.Failed)
        {
            if (gate.Metric is not IDifferentiableMetric metric)
            {
                reason ??= $"'{gate.Metric.Name}' has no surrogate with gradients";
                continue;
            }

            using var surrogate = metric.Surrogate(
                new(context.Source, context.RepairSet, gate, context.Seed),
                out var whyNot
            );
            if (surrogate is not null)
                return null;
            reason ??= whyNot;
        }

        return reason;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context) =>
        context.Gates.Any(g => g.Metric.ChangesInputs) ? OnChangedInputs(context) : OnRows(context);

    private static IEnumerable<RepairPlan> OnRows(RepairContext context)
    {
        // The fewer weights, the further each has to go.
        var slices = new List<(string Name, SliceRule Rule, double Rate)>
        {
            ("", Slices.Everything, 1e-3),
            (" head", Slices.Head, 3e-3),
        };
        var groups = context.Failed.Select(g => g.Group).OfType<string>().Distinct().ToArray();
        GroupColumn[] columns =
        [
            .. groups.Select(g => context.RepairSet.Groups.GetValueOrDefault(g)).OfType<GroupColumn>(),
        ];
        if (Slices.ReadsColumnsOf(columns, context.Source, context.RepairSet))
            slices.Add((" own-columns", c => Slices.ColumnsOf(columns, c, biases: true), 1e-2));
        GateRule[] harmless = [.. Harmless(context)];
        var fromLogits = !context.Gates.Concat(harmless).Any(g => Asked(context, g, s => s.ReadsInputs));
        foreach (var (aim, smooth, from, to) in Aims)
        {
            foreach (var (name, slice, rate) in slices)
            {
                foreach (var anchor in new[] { Anchor.Labels, Anchor.Predictions })
                {
                    var tuning = new PolicyTuning
                    {
                        Gates = [.. context.Gates.Select(g => g.Aimed(aim)), .. harmless],
                        Anchor = anchor,
                        Slice = slice,
                        OfLastLayer = fromLogits && slice == Slices.Head,
                        Temperature = (from, to),
                        Variant = FormattableString.Invariant(
                            $"{(anchor == Anchor.Labels ? "labels" : "predictions")}{name}{smooth}, aim {aim:G2}"
                        ),
                    };
                    tuning = tuning with { Schedule = tuning.Schedule with { LearningRate = rate } };
                    yield return RecipePlan.Fixed(tuning.Recipe(context), context, passes: 4);
                }
            }
        }
    }

    private static IEnumerable<RepairPlan> OnChangedInputs(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs);
        var passes = 3 + context.Gates.Sum(g => Asked(context, g, s => s.Passes));
        (string Name, Func<TuningSchedule, TuningSchedule> Change, double First)[] settings =
        [
            (
                "sgd",
                s =>
                    s with
                    {
                        LearningRate = 0.05 * Depth.RateOf(context.Source),
                        Optimizer = () => new Sgd(),
                        WarmUp = 0.2,
                        WeightDecay = 5e-4,
                    },
                3
            ),
            ("adam", s => s with { LearningRate = 1e-3, WarmUp = 0.1 }, 3),
            ("adam gentle", s => s with { LearningRate = 3e-4, WarmUp = 0.1 }, 1),
        ];
        // Bounds are those of the model as it will be asked.
        SliceRule slice = context.Gates.Any(g => g.Metric is CertifiedAccuracy)
            ? Slices.Everything
            : Slices.EverythingTrained;
        foreach (var (name, change, first) in settings)
        {
            var tuning = new PolicyTuning
            {
                Slice = slice,
                Gates = [.. context.Gates.Select(g => g.Aimed(0.7))],
                Anchor = Anchor.Labels,
                FirstMultiplier = first,
                MultiplierRows = 256,
                Variant = name,
            };
            var schedule = change(tuning.Schedule with { BatchSize = 128, Checkpoints = 4 });
            var steps = cost.Steps(context.Seconds * MostOfEffort, passes, schedule.BatchSize, context.RepairSet.Count);
            tuning = tuning with { Schedule = schedule with { Steps = steps } };
            yield return RecipePlan.Fixed(tuning.Recipe(context), context, passes);
        }
    }

    private static T Asked<T>(RepairContext context, GateRule gate, Func<ISurrogate, T> question)
        where T : struct
    {
        if (gate.Metric is not IDifferentiableMetric metric)
            return default;
        using var surrogate = metric.Surrogate(new(context.Source, context.RepairSet, gate, context.Seed), out _);
        return surrogate is null ? default : question(surrogate);
    }

    // What no gate looks at, and the policy does not accept, need not become worse: the other measures of a group, and
    // how far each outcome is recognized in the level where that is least.
    private static IEnumerable<GateRule> Harmless(RepairContext context)
    {
        using var source = new Evaluation(context.Source, context.RepairSet, _ => context.SourceLogits());
        foreach (var group in context.Failed.Select(g => g.Group).OfType<string>().Distinct())
        {
            if (source.Rows(group) is not { } rows)
                continue;
            var table = GroupTable.Count(rows, context.RepairSet.Favorable);
            foreach (var (metric, harm) in HarmKinds.OfGroups)
            {
                if (!context.Accept.Contains(harm) && !context.Gates.Any(g => g.Metric == metric && g.Group == group))
                    yield return new()
                    {
                        Metric = metric,
                        Group = group,
                        Max = GuardedSize,
                    };
            }

            if (context.Accept.Contains(HarmKind.ClassAccuracy))
                continue;
            foreach (var rate in new[] { Rate.TruePositive, Rate.TrueNegative })
            {
                var rule = new GateRule
                {
                    Metric = GroupExtremum.Minimum,
                    Group = group,
                    Rate = rate,
                };
                if (GroupExtremum.Minimum.Value(table, rule) is var least && !double.IsNaN(least))
                    yield return rule with
                    {
                        Min = Math.Max(0, least - Spared),
                    };
            }
        }
    }

    // A difference of a group that nobody minds, and what a rate of its weakest level may lose.
    private const double GuardedSize = 0.03;
    private const double Spared = 0.02;
}
