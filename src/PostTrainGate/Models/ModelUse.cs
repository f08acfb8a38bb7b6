using PostTrainGate.Data;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>What a model is loaded for.</summary>
/// <param name="Input">Bounds and normalization of inputs.</param>
/// <param name="Output">Which output, and what it holds.</param>
internal sealed record ModelUse(InputPolicy Input, OutputPolicy Output)
{
    /// <summary>With bounds from 0 to 1, and the output that is found.</summary>
    public ModelUse()
        : this(new(), new()) { }

    /// <summary>The rows that it will get; null where there are none, as where a file is only looked at.</summary>
    public EvaluationSet? Data { get; init; }

    /// <summary>Bytes that the values of one pass may take.</summary>
    public long PassBytes { get; init; } = PassFootprint.BytesWithin();

    /// <summary>Where it computes.</summary>
    public ComputeDevice Device { get; init; } = ComputeDevice.Cpu;

    /// <summary>Columns of the rows; null where they are no table's.</summary>
    public FeatureLayout? Layout { get; init; }

    /// <summary>Column of the data that holds the label; null where there is none.</summary>
    public string? Label { get; init; }

    /// <summary>
    /// Refuses rows of another shape than the model takes, before they are tried: given the shape of an input.
    /// </summary>
    public Action<System.Collections.Immutable.ImmutableArray<long>>? Fit { get; init; }

    /// <summary>
    /// Some rows to try the model on, [n, input shape]; null where there are none. The caller disposes it.
    /// </summary>
    public Tensor? Some(long most) => Data is { Count: > 0 } rows ? rows.InputsOf(0, Math.Min(most, rows.Count)) : null;
}
