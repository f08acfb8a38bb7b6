using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Batch normalization as in training (Ioffe and Szegedy 2015): each batch is normalized by its own moments, which the
/// running ones follow. A network that was trained so takes long steps only so: fixed moments lag behind the weights.
/// </summary>
/// <remarks>
/// The running moments of a pass are tensors of its own, so that models over the same weights can be passed side by
/// side; they become the model's when they are taken over.
/// </remarks>
internal sealed class BatchMoments : IDisposable
{
    private const double Momentum = 0.1;

    // Values of a channel, of which a moment is worth something.
    private const int FewestValues = 32;

    private readonly OnnxGraph _graph;
    private readonly Dictionary<string, (int Slot, Tensor Running)> _running;

    private BatchMoments(OnnxGraph graph, Dictionary<string, (int, Tensor)> running) =>
        (_graph, _running) = (graph, running);

    /// <summary>Those of a model; null where it has none, or none that its parameters hold.</summary>
    public static BatchMoments? Of(OnnxClassifier model)
    {
        if (Names(model) is not { Count: > 0 })
            return null;
        var compiled = model.Rebuilt.Model;
        return new(
            compiled.Graph.InTraining,
            Statistics(compiled.Graph)
                .Join(compiled.Parameters, s => s, p => p.Value, (slot, p) => (p.Key, Slot: slot))
                .ToDictionary(
                    p => p.Key,
                    p => (p.Slot, model.Parameters[p.Key].detach().clone().DetachFromDisposeScope())
                )
        );
    }

    /// <summary>
    /// Parameters of a model's batch normalizations: scales, shifts and running moments. Empty where a moment is no
    /// parameter, or that of two.
    /// </summary>
    public static IReadOnlyList<string> Names(OnnxClassifier model)
    {
        var compiled = model.Rebuilt.Model;
        if (compiled.Signature.RowByRow)
            return [];
        var names = compiled.Parameters.ToLookup(p => p.Value, p => p.Key);
        var statistics = Statistics(compiled.Graph);
        if (statistics.Any(s => !names.Contains(s)) || statistics.Distinct().Count() < statistics.Length)
            return [];
        var affine = Normalizations(compiled.Graph).SelectMany(n => new[] { n.Scale, n.Shift });
        return [.. affine.Concat(statistics).Distinct().Where(names.Contains).Select(slot => names[slot].First())];
    }

    /// <summary>Whether the running moments follow the batches that pass; they are normalized by their own anyway.</summary>
    public bool Follows { get; set; } = true;

    /// <summary>A pass over a batch, as <see cref="OnnxGraph.Run"/>.</summary>
    public Tensor[] Run(Tensor[] state, Tensor x, ReadOnlySpan<int> taps)
    {
        var own = (Tensor[])state.Clone();
        foreach (var (slot, running) in _running.Values)
            own[slot] = Follows ? running : running.clone();
        return _graph.Run(own, x, taps);
    }

    /// <summary>Begins with the moments of a model.</summary>
    public void Take(OnnxClassifier model)
    {
        using var _ = no_grad();
        foreach (var (name, (_, running)) in _running)
            running.copy_(model.Parameters[name]);
    }

    /// <summary>Gives a model the mean of what several followed.</summary>
    public static void Give(IReadOnlyList<BatchMoments> moments, OnnxClassifier model)
    {
        using var _ = no_grad();
        foreach (var name in moments[0]._running.Keys)
        {
            using var scope = NewDisposeScope();
            model.Parameters[name].copy_(stack(moments.Select(m => m._running[name].Running)).mean([0]));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, running) in _running.Values)
            running.Dispose();
    }

    /// <summary>A graph whose normalizations take the moments of each batch.</summary>
    public static IReadOnlyList<OnnxGraph.Step> InTraining(IReadOnlyList<OnnxGraph.Step> steps) =>
        [
            .. steps.Select(step =>
                step.Rebuild.Normalizes is not { } norm
                    ? step
                    : step with
                    {
                        Kernel = v => Normalize(v, step, norm),
                        IsInTraining = true,
                    }
            ),
        ];

    private static Tensor Normalize(Tensor[] v, OnnxGraph.Step step, OnnxFusion.Normalization norm)
    {
        var x = v[step.Inputs[0]];
        if (x.numel() < FewestValues * v[norm.Mean].numel())
            return step.Kernel(v);
        return nn.functional.batch_norm(
            x,
            v[norm.Mean],
            v[norm.Variance],
            v[norm.Scale],
            v[norm.Shift],
            training: true,
            momentum: Momentum,
            eps: norm.Epsilon
        );
    }

    private static IEnumerable<OnnxFusion.Normalization> Normalizations(OnnxGraph graph) =>
        graph.Steps.Select(s => s.Rebuild.Normalizes).OfType<OnnxFusion.Normalization>();

    private static int[] Statistics(OnnxGraph graph) =>
        [.. Normalizations(graph).SelectMany(n => new[] { n.Mean, n.Variance })];
}
