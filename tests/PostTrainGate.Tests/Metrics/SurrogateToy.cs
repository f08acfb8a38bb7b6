using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Metrics;

/// <summary>
/// People of two sexes, their merit and a column of noise. The label follows merit; the model adds a bonus for men and
/// a share of the noise, so that it fails what can be asked of it. Labels of women are harder to tell.
/// </summary>
internal sealed class SurrogateToy : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="classes">2, or 3: low, middle and high merit.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="clear">Whether the labels of men follow merit closely; then none of them is missed.</param>
    public SurrogateToy(int classes = 2, int count = 400, bool clear = true)
    {
        using var scope = NewDisposeScope();
        var random = new Random(5);
        var (inputs, labels, levels) = (new float[count, 4], new long[count], new int[count]);
        for (var i = 0; i < count; i++)
        {
            var (men, merit, noise) = (random.Next(2), random.NextDouble(), random.NextDouble());
            (inputs[i, 0], inputs[i, 1], inputs[i, 2], inputs[i, 3]) = (1 - men, men, (float)merit, (float)noise);
            var seen =
                merit
                + (
                    men == 1
                        ? clear
                            ? 0.15
                            : 0.2
                        : clear
                            ? 0.35
                            : 0.6
                ) * (random.NextDouble() - 0.5)
                + 0.06 * men;
            labels[i] = Math.Clamp((long)(seen * classes), 0, classes - 1);
            levels[i] = men;
        }

        Data = new(
            tensor(inputs),
            tensor(labels),
            [.. Enumerable.Range(0, classes).Select(c => $"class {c}")],
            ImmutableDictionary<string, GroupColumn>
                .Empty.Add("sex", new("sex", ["f", "m"], [.. levels], 1, ["sex"]))
                .Add("sides", new("sides", ["f", "m"], [.. levels], null, ["sex"])),
            FeatureLayout.FromNames(["sex=f", "sex=m", "merit", "noise"]),
            classes - 1
        );
        // Hidden units copy the inputs; the logit of class c is a tangent of a parabola at its middle.
        var (hidden, head, bias) = (new float[6, 4], new float[classes, 6], new float[classes]);
        for (var h = 0; h < 6; h++)
        for (var i = 0; i < 4; i++)
            hidden[h, i] = (h % 4 == i ? 1 : 0) + 0.1f * (float)random.NextDouble();
        for (var c = 0; c < classes; c++)
        {
            var middle = (c + 0.5f) / classes;
            (head[c, 1], head[c, 2], head[c, 3]) = (5 * middle, 36 * middle, (clear ? 11 : 8) * middle);
            bias[c] = -18 * middle * middle - (clear ? 11 : 12) * middle;
        }

        new OnnxWriter([4])
            .Gemm(tensor(hidden), zeros(6))
            .Relu()
            .Gemm(tensor(head), tensor(bias))
            .Save(_folder.Path("toy.onnx"), "logits", classes);
        Source = OnnxClassifier.Load(_folder.Path("toy.onnx"), new InputPolicy { Lower = 0, Upper = 1 });
    }

    public EvaluationSet Data { get; }

    public OnnxClassifier Source { get; }

    /// <summary>A gate of a metric with all keys that it takes; no thresholds.</summary>
    public static GateRule Gate(IMetric metric, Rate? rate = null)
    {
        var rule = new GateRule { Metric = metric };
        bool Takes(Schema.Key key) => metric.Keys.Contains(key);
        if (Takes(GateKeys.Group))
            rule = rule with { Group = "sex" };
        if (Takes(GateKeys.Rate))
            rule = rule with { Rate = rate };
        if (Takes(AttackKeys.Attack))
            rule = rule with { Attack = new(GradientAttack.Pgd, Norm.Linf, 0.05) };
        if (Takes(AttackKeys.Nearest))
            rule = rule.With(AttackKeys.Nearest, Fmn.Instance).With(AttackKeys.Norm, Norm.Linf);
        if (metric is CertifiedAccuracy)
            rule = rule.With(AttackKeys.Epsilon, 0.02).With(CertifiedAccuracy.Method, BoundMethod.Ibp);
        if (metric is SmoothedAccuracy)
            rule = rule.With(AttackKeys.Epsilon, 0.05).With(SmoothedAccuracy.Sigma, 0.15);
        return rule;
    }

    /// <summary>The metric's own figure as thresholds read it; NaN where it is not measured.</summary>
    public double Measure(GateRule rule, OnnxClassifier model)
    {
        using var reference = new Evaluation(Source, Data);
        using var evaluation = new Evaluation(model, Data);
        return Judge.Judged(rule.Metric.Better, rule.Metric.Measure(new(evaluation, rule, 0.95, 1, reference))).Value;
    }

    /// <summary>The gate with a threshold that is better than a value by so much.</summary>
    public static GateRule Ask(GateRule rule, double value, double more) =>
        rule.Metric.Better is Better.Higher or Better.NearOne
            ? rule with
            {
                Min = value + more,
            }
            : rule with
            {
                Max = value - more,
            };

    public ISurrogate Surrogate(GateRule rule)
    {
        var surrogate = ((IDifferentiableMetric)rule.Metric).Surrogate(new(Source, Data, rule, 3), out var whyNot);
        return surrogate ?? throw new InvalidOperationException($"{rule.Metric.Name}: {whyNot}");
    }

    /// <summary>Some rows as a batch; null: all.</summary>
    public SurrogateBatch Batch(OnnxClassifier model, double temperature = 1, long[]? rows = null)
    {
        var index = tensor(rows ?? [.. Enumerable.Range(0, Data.Count).Select(i => (long)i)]);
        var inputs = Data.Inputs.index_select(0, index);
        return new(model, index, inputs, Data.Labels.index_select(0, index), model.Logits(inputs))
        {
            Temperature = temperature,
        };
    }

    public double Violation(ISurrogate surrogate, OnnxClassifier model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return surrogate.Violation(Batch(model));
    }

    /// <summary>Steps of Adam on the loss alone, over all rows.</summary>
    public OnnxClassifier Tune(ISurrogate surrogate, int steps, double rate, double temperature)
    {
        var model = Source.Clone();
        using var all = NewDisposeScope();
        Tensor[] weights = [.. model.Parameters.Values.Where(p => p.is_leaf && is_floating_point(p))];
        using var optimizer = new Adam();
        foreach (var weight in weights)
            weight.requires_grad_();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var batch = Batch(model, temperature) with { Progress = (step + 1.0) / steps };
            var gradients = autograd.grad([surrogate.Loss(batch)], weights, allow_unused: true);
            using var _ = no_grad();
            var flat = cat(
                [.. weights.Zip(gradients, (w, g) => (g is null || g.IsInvalid ? zeros_like(w) : g).flatten())],
                0
            );
            var moved = cat([.. weights.Select(w => w.flatten())], 0);
            optimizer.Step(moved, flat, rate);
            Write(weights, moved);
        }

        foreach (var weight in weights)
            weight.requires_grad_(false);
        return model;
    }

    /// <summary>Gives weights the values of one long vector.</summary>
    public static void Write(Tensor[] weights, Tensor values)
    {
        using var _ = no_grad();
        var start = 0L;
        foreach (var weight in weights)
        {
            using var part = values.narrow(0, start, weight.numel());
            using var shaped = part.reshape(weight.shape);
            weight.copy_(shaped);
            start += weight.numel();
        }
    }

    public void Dispose()
    {
        Source.Dispose();
        Data.Dispose();
        _folder.Dispose();
    }
}
