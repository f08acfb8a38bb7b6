using System.Collections.Immutable;
using System.Diagnostics;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Torch;

namespace PostTrainGate.Gating;

/// <summary>How to run a gate, beyond what the policy says.</summary>
public sealed record GateOptions
{
    /// <summary>Whether a failing gate may be repaired.</summary>
    public bool Repair { get; init; } = true;

    /// <summary>The model of the base branch, which the model is compared with; null when there is none.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Whether the repaired model is written.</summary>
    public bool Write { get; init; } = true;

    /// <summary>Whether every input is attacked, also where the verdict is certain before.</summary>
    public bool Full { get; init; }

    /// <summary>What earlier runs found and this one leaves to the next; null: nothing is kept.</summary>
    public RunCache? Cache { get; init; }

    /// <summary>A device that no policy can name; null: the policy's.</summary>
    internal ComputeDevice? Device { get; init; }

    /// <summary>The share of the work that this machine has; null: all of it.</summary>
    internal ShardOrder? Shard { get; init; }

    /// <summary>Parts that machines wrote, whose work is not done again; null: there are none.</summary>
    internal ImmutableArray<string>? Parts { get; init; }

    /// <summary>
    /// Told after each gate, and before a repair, what the result is should the run end there; null: nobody asks.
    /// </summary>
    internal Action<GateResult>? Early { get; init; }
}

/// <summary>
/// Measures, judges, repairs on the repair split, chooses on the selection split, measures again on the test split.
/// </summary>
public static partial class Gate
{
    /// <summary>Runs a policy.</summary>
    /// <exception cref="GateException">The model or the data cannot be used; nothing was written.</exception>
    /// <exception cref="OperationCanceledException">Stopped; nothing was written but what the cache keeps.</exception>
    public static GateResult Run(
        GatePolicy policy,
        GateOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancel = default
    )
    {
        try
        {
            return Run(policy, options ?? new(), progress, cancel, Stopwatch.StartNew());
        }
        finally
        {
            options?.Cache?.Trim();
        }
    }

    private static GateResult Run(
        GatePolicy policy,
        GateOptions options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel,
        Stopwatch clock
    )
    {
        var started = RunFacts.Now();
        OutputFiles.Require(policy, model: options.Repair && options.Write, reports: false);
        var parts = RequireParts(policy, options);
        progress?.Report(new("Reading data"));
        if (policy.Model is null)
            return OfPredictions(policy, progress, cancel) with { Seconds = clock.Elapsed.TotalSeconds, Run = started };
        var model = OnnxFile.Read(policy.Model.FullPath);
        var use = new ModelUse(policy.Input, policy.Output)
        {
            Label = policy.Data.Label,
            PassBytes = PassFootprint.BytesWithin(policy.Limits.Memory),
        };
        var wanted = ClassifierLoader.Wanted(model, use);
        using var splits = ClassOrder.Match(policy, DataReader.Read(policy, wanted), wanted.ClassNames);
        InputBinding.Check(ClassifierLoader.Readable(model, use), policy, splits);
        var (device, computes) = options.Device is { } given ? (given, null) : DeviceOf(policy);
        progress?.Report(new(device.IsCpu ? "Loading the model" : $"Loading the model to {device.Name}"));
        use = use with
        {
            Data = splits.Test,
            Device = device,
            Layout = splits.Test.Layout,
            Fit = shape => FitShape(policy, shape, splits.Test),
        };
        using var source = Load(policy, model, use, wanted);
        FitClasses(policy, source, splits.Test, splits.Repair, splits.Select);
        MissingValueCheck.Require(policy, source, splits);

        using var test = new Evaluation(source, splits.Test);
        RowIndependence.CheckMeasured(source, splits.Test, test.Logits, policy.Seed);
        if (ClassOrder.Doubt(policy, test) is { } doubt)
            return Undecided(policy, doubt, "the order of the classes is unclear") with
            {
                Seconds = clock.Elapsed.TotalSeconds,
                Run = started,
            };
        var (opened, unusable) = OpenBase(policy, options, use, splits.Test, test);
        using var @base = opened;
        var identity = Identity(policy, options, source, @base, splits.Test);
        var work = Work(policy, options, parts, identity, splits.Test);
        var meter = new GateMeter(policy, splits.Test, "test", cancel)
        {
            Base = @base?.Rows,
            Plan = new() { Full = options.Full || identity is not null, Cache = options.Cache },
            Work = work,
        };
        var counts = new DataSummary(
            policy.Data.Source.Text,
            splits.Repair.Count,
            splits.Select.Count,
            splits.Test.Count
        );
        var summary = Summary(policy, source);
        ImmutableArray<Diagnostic> known =
        [
            .. splits.Diagnostics,
            .. Assumed(policy, source),
            .. ScoresOnly(policy, source),
        ];
        if (computes is not null)
            known = known.Add(computes);
        if (unusable is not null)
            known = known.Add(unusable);
        var measured = meter.Measure(
            test,
            "Measuring the model",
            progress,
            options.Early is { } tell && work is not ShardWork
                ? soFar => tell(Early(policy, soFar, counts, summary, known) with { Run = started })
                : null
        );
        var seconds = meter.Seconds;
        ImmutableArray<Measurement>? baseline =
            @base is null ? null
            : @base.Unchanged ? measured
            : meter.Measure(@base.Rows, "Measuring the base branch's model", progress);
        if (work is ShardWork share)
            return Shared(policy, options.Shard!, share, identity!, counts, splits.Diagnostics) with
            {
                Seconds = clock.Elapsed.TotalSeconds,
                Run = started,
            };
        var readings = meter.Read(test, measured, baseline, progress);
        var theirs =
            @base is null ? default
            : @base.Unchanged ? readings
            : meter.ReadBase(@base.Rows, baseline!.Value);
        var gates = readings
            .Select(
                (reading, i) =>
                    Reading(policy, policy.Gates[i], reading) with
                    {
                        Base = theirs.IsDefault ? null : theirs[i],
                    }
            )
            .ToImmutableArray();
        var result = Result(policy, gates, counts, summary) with
        {
            Base = @base is null ? null : Summary(@base, test),
            Run = started with { GateSeconds = seconds },
        };
        var failed = policy
            .Gates.Where(
                (_, i) => Outcomes.Blocks(policy, gates[i], gates[i].Original.Verdict) && measured[i].IsMeasured
            )
            .ToImmutableArray();
        if (options.Repair && policy.Repair is not null && failed.Length > 0)
        {
            options.Early?.Invoke(
                Told(
                    result with
                    {
                        Repair = new() { Proposed = false, Reason = "The engine ended during the repair." },
                    }
                )
            );
            result = Repair(source);
        }

        return Told(result);

        GateResult Told(GateResult said) =>
            said with
            {
                Diagnostics = [.. known, .. Outcomes.Diagnose(policy, said)],
                Seconds = clock.Elapsed.TotalSeconds,
            };

        GateResult Repair(Classifier model)
        {
            if (DataReader.WhyNoRepair(splits) is { } why)
                return result with
                {
                    Repair = new() { Proposed = false, Reason = why },
                };
            if (model is not OnnxClassifier rebuilt)
                return result with
                {
                    Repair = new()
                    {
                        Proposed = false,
                        Reason = $"No repair is possible because the model has no gradients: {model.WhyNoGradients}",
                    },
                };
            // Weights that are tuned meet rows, targets and masks, which are in the memory of the host.
            using var here = rebuilt.Device.IsCpu ? null : rebuilt.Clone(ComputeDevice.Cpu);
            using var run = new RepairRun(
                policy,
                splits,
                here ?? rebuilt,
                meter,
                baseline,
                options.Cache,
                progress,
                cancel
            );
            return run.Repair(result, test, failed, options.Write);
        }
    }

    // Predictions that were made elsewhere: counted in one pass, measured, judged.
    private static GateResult OfPredictions(
        GatePolicy policy,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    )
    {
        var predictions = PredictionReader.Read(
            policy,
            policy
                .Gates.Where(g => g.Group is not null && g.Get(GateKeys.Rate) is { NeedsScores: true })
                .Select(g => g.Group!)
                .ToHashSet()
        );
        var gates = ImmutableArray.CreateBuilder<GateReport>();
        foreach (var (i, rule) in policy.Gates.Index())
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Report(new(GateText.Title(rule), i / (double)policy.Gates.Length));
            // A base branch may gate what needs its model.
            var measured = rule.Metric is IPredictionMetric counted
                ? counted.Measure(predictions, rule, policy.GateConfidence, Seeds.Derive(policy.Seed, "predictions", i))
                : Measurement.NotMeasured("it needs a model, but the policy has only predictions");
            gates.Add(Reading(policy, rule, GateMeter.Read(measured, Judge.Decide(rule, measured))));
        }

        var result = Result(
            policy,
            gates.ToImmutable(),
            new(policy.Data.Source.Text, 0, 0, predictions.Rows(null)!.Total),
            null
        );
        return result with { Diagnostics = [.. predictions.Diagnostics, .. Outcomes.Diagnose(policy, result)] };
    }
}
