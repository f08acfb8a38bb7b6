using System.Collections.Immutable;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

// What the repair is held against: the same gates on models that were changed without their aim.
internal sealed partial class RepairRun
{
    /// <summary>Rows that are attacked of each control; they are there to be compared with, not to decide.</summary>
    private const int ControlRows = 200;

    // Random weight noise of the repair's size: what chance alone does to each gate. Mean over the draws, and their
    // range.
    private (ImmutableArray<MeasuredValue> Gates, double Accuracy) NullControls(Evaluation original)
    {
        var meter = ControlMeter(original, "null");
        var draws = new List<ImmutableArray<Measurement>>();
        var accuracy = 0.0;
        foreach (var model in NullControl.Draw(source, _best!.Model, Seeds.Derive(policy.Seed, "null")))
        {
            progress?.Report(
                new("Null control: random noise of the repair's size", draws.Count / (double)NullControl.DefaultDraws)
            );
            using var _ = model;
            using var evaluation = new Evaluation(model, splits.Test);
            draws.Add(meter.Measure(evaluation, $"draw {draws.Count}"));
            accuracy += evaluation.Right / (double)splits.Test.Count;
        }

        ImmutableArray<MeasuredValue> gates =
        [
            .. Enumerable
                .Range(0, policy.Gates.Length)
                .Select(i =>
                {
                    var some = draws.Select(d => d[i]).Where(m => m.IsMeasured).ToArray();
                    var mean =
                        some.Length == 0
                            ? Measurement.NotMeasured(draws[0][i].Reason!)
                            : new Measurement(
                                some.Average(m => m.Value),
                                some.Min(m => m.Value),
                                some.Max(m => m.Value),
                                some[0].Count
                            );
                    return ControlReading(i, mean);
                }),
        ];
        return (gates, accuracy / draws.Count);
    }

    // The source trained further on the same rows: what that does to each gate; null where it was not trained.
    private ImmutableArray<MeasuredValue>? CleanControls(Evaluation original)
    {
        if (_trained is null)
            return null;
        progress?.Report(new("Clean control: the model trained further on the same rows"));
        using var evaluation = new Evaluation(_trained.Model, splits.Test);
        var measured = ControlMeter(original, "clean").Measure(evaluation, "clean control");
        return [.. measured.Select((m, i) => ControlReading(i, m))];
    }

    // Whether a gate that is open now may have gained that by chance: by the pairs of rows where its metric has them,
    // else by the draws of the null control on as many rows, all of which it has to beat.
    private bool MayBeChance(int gate, GateReport report, Evaluation before, Evaluation after)
    {
        if (test.Gain(gate, before, after) is { IsMeasured: true } gain)
            return gain.Lower <= 0;
        return report is { NullControl: { Value: not null } noise, Repaired: { Value: not null } repaired }
            && noise.Count == repaired.Count
            && !NullControl.IsBeaten(policy.Gates[gate], noise, repaired);
    }

    private GateMeter ControlMeter(Evaluation original, string name)
    {
        var fewer = policy with { Gates = [.. policy.Gates.Select(g => g.OnAtMost(ControlRows))] };
        return new(fewer, splits.Test, name, cancel) { Reference = original };
    }

    private MeasuredValue ControlReading(int gate, Measurement measured) =>
        GateMeter.Read(measured, Judge.Decide(policy.Gates[gate] with { Drop = null }, measured));
}
