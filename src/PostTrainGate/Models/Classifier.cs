using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// A model that tells classes apart: inputs in the data's own units, logits out. Input bounds and normalization belong
/// to it, so that an attack never has to know about either.
/// </summary>
public abstract class Classifier : IDisposable
{
    /// <summary>For reports: the file's name.</summary>
    public abstract string Name { get; }

    /// <summary>Shape of one input, without the batch; -1 where the file leaves an axis open.</summary>
    public abstract ImmutableArray<long> InputShape { get; }

    /// <summary>Number of classes.</summary>
    public abstract int Classes { get; }

    /// <summary>What the file's output holds.</summary>
    public abstract OutputHead Head { get; }

    /// <summary>Bounds and normalization of inputs.</summary>
    public abstract InputPolicy Input { get; }

    /// <summary>Whether <see cref="Logits"/> can be differentiated.</summary>
    public abstract bool HasGradients { get; }

    /// <summary>
    /// Why it cannot be differentiated, and so not be repaired or attacked along gradients; null where it can.
    /// </summary>
    public virtual string? WhyNoGradients => null;

    /// <summary>The output of the file that is read; empty where there is no file.</summary>
    public virtual string Output => "";

    /// <summary>
    /// Names that the file itself gives its classes, in the order of its outputs; empty where it gives none.
    /// </summary>
    public ImmutableArray<string> ClassNames { get; internal set; } = [];

    /// <summary>What was assumed of the file, a sentence each.</summary>
    public ImmutableArray<string> Notes { get; internal set; } = [];

    /// <summary>Changes with all that the logits of an input depend on; null where that cannot be told.</summary>
    internal virtual string? Fingerprint => null;

    /// <summary>Where it computes, and where batches that are passed again and again are best kept.</summary>
    internal virtual ComputeDevice Device => ComputeDevice.Cpu;

    /// <summary>
    /// Rows of one pass that fit in memory; a pass over more of them is cut into parts, as rows do not mix.
    /// </summary>
    /// <param name="gradients">Whether it keeps its values for a pass backward.</param>
    internal virtual long RowsPerPass(bool gradients) => long.MaxValue;

    /// <summary>Rows of one pass with gradients whose values stay in the caches of a core.</summary>
    internal virtual long RowsInCache => long.MaxValue;

    /// <summary>Logits of a batch.</summary>
    /// <param name="inputs">[batch, input shape], float32, in the data's units.</param>
    /// <returns>
    /// [batch, classes], where the inputs are; part of the gradient graph when gradients are enabled and the input asks
    /// for them.
    /// </returns>
    public abstract Tensor Logits(Tensor inputs);

    /// <summary>This classifier as it is now, for very many passes without gradients; the caller disposes it.</summary>
    internal virtual FrozenModel Freeze() => new(this);

    /// <summary>Logits of many rows, in batches, without gradients.</summary>
    /// <param name="inputs">[n, input shape].</param>
    /// <param name="batchSize">Rows at a time.</param>
    /// <returns>[n, classes]; the caller disposes it.</returns>
    public Tensor LogitsOfAll(Tensor inputs, int batchSize = 250) =>
        LogitsOfAll(inputs.shape[0], batchSize, (start, count) => inputs.narrow(0, start, count));

    /// <summary>The same of a set of rows, of which those of a batch alone stand in memory as numbers.</summary>
    internal Tensor LogitsOfAll(EvaluationSet rows, int batchSize = 250) =>
        LogitsOfAll(rows.Count, batchSize, rows.InputsOf);

    private Tensor LogitsOfAll(long rows, int batchSize, Func<long, long, Tensor> inputs)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor? all = null;
        for (long start = 0; start < rows; start += batchSize)
        {
            using var batch = NewDisposeScope();
            var count = Math.Min(batchSize, rows - start);
            var logits = Logits(inputs(start, count));
            // Small tensors kept from every batch would lie between its large ones, whose space could not be used again.
            all ??= empty([rows, Classes], dtype: logits.dtype, device: logits.device).MoveToOuterDisposeScope();
            all.narrow(0, start, count).copy_(logits);
        }

        return (all ?? zeros(0, Classes)).MoveToOuterDisposeScope();
    }

    /// <summary>What every fingerprint holds of bounds, normalization and head.</summary>
    private protected void Describe(BinaryWriter content)
    {
        content.Write($"{Head} {Classes} {Input.Mean.Length} {Input.Std.Length}");
        foreach (var number in (double[])[Input.Lower, Input.Upper, Input.Scale, .. Input.Mean, .. Input.Std])
            content.Write(number);
    }

    /// <summary>Frees the native memory.</summary>
    public abstract void Dispose();
}
