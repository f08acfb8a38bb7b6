using PostTrainGate.Metrics;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Gating;

/// <summary>
/// The control that every repair is held against: the source with random weight noise that is, tensor by tensor, as
/// long as what the repair changed. What noise improves as well, such as accuracy on the old model's adversarial
/// examples, is no merit of the repair.
/// </summary>
public static class NullControl
{
    /// <summary>Number of draws that make a control.</summary>
    public const int DefaultDraws = 10;

    /// <summary>Models with noise in place of the repair, one at a time; the caller disposes each.</summary>
    /// <param name="source">The model before the repair; not changed.</param>
    /// <param name="repaired">The model after it; not changed.</param>
    /// <param name="seed">Of the noise.</param>
    /// <param name="draws">How many.</param>
    public static IEnumerable<OnnxClassifier> Draw(
        OnnxClassifier source,
        OnnxClassifier repaired,
        int seed,
        int draws = DefaultDraws
    )
    {
        using var random = new Generator((ulong)seed);
        for (var draw = 0; draw < draws; draw++)
            yield return One(source, repaired, random);
    }

    /// <summary>Whether a repair comes nearer to a gate's threshold than each draw did.</summary>
    /// <param name="rule">The gate.</param>
    /// <param name="noise">The control: mean of the draws, and their range as its interval.</param>
    /// <param name="repaired">The repaired model on as many rows.</param>
    internal static bool IsBeaten(GateRule rule, MeasuredValue noise, MeasuredValue repaired)
    {
        var (lower, upper) = (noise.Lower!.Value, noise.Upper!.Value);
        // Of a difference between its signs, or a ratio around 1, the middle is best.
        var ideal = Math.Clamp(rule.Metric.Better == Better.NearOne ? 1 : 0, lower, upper);
        double[] draws = rule.Metric.Better is Better.NearOne or Better.NearZero
            ? [lower, upper, ideal]
            : [lower, upper];
        return Judge.Missed(rule, repaired.Value!.Value) < draws.Min(draw => Judge.Missed(rule, draw));
    }

    private static OnnxClassifier One(OnnxClassifier source, OnnxClassifier repaired, Generator random)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var model = source.Clone();
        foreach (var name in source.Parameters.Keys.Order(StringComparer.Ordinal))
        {
            var length = repaired.Parameters[name].sub(source.Parameters[name]).norm().item<float>();
            if (length == 0)
                continue;
            var noise = randn(source.Parameters[name].shape, generator: random);
            model.Parameters[name].add_(noise, length / noise.norm().item<float>());
        }

        return model;
    }
}
