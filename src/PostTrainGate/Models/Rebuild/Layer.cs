using System.Collections.Immutable;

namespace PostTrainGate.Models;

/// <summary>
/// One weighted layer of a rebuilt graph in forward order (Gemm, MatMul + Add, Conv), with the activation that follows
/// it.
/// </summary>
/// <param name="Index">Position among the weighted layers, from 0.</param>
/// <param name="Name">Name of the node that carries the weight.</param>
/// <param name="Operator">Its operator.</param>
/// <param name="Weight">Name of the weight initializer.</param>
/// <param name="Bias">Name of the bias initializer, or null.</param>
/// <param name="Output">
/// Name of the value after bias, normalization and activation, before any pooling or flattening: where to tap.
/// </param>
/// <param name="Units">Output units (dense) or channels (convolution).</param>
/// <param name="UnitAxis">Axis of the weight that counts output units.</param>
/// <param name="InputAxis">Axis of the weight that counts input units.</param>
/// <param name="InputsPerUnit">
/// How many input entries of the weight, side by side, belong to one unit of the layer before it: 1, or height x width
/// after a flattening; 0 where that cannot be told (several layers before it, channels last).
/// </param>
public sealed record Layer(
    int Index,
    string Name,
    string Operator,
    string Weight,
    string? Bias,
    string Output,
    long Units,
    int UnitAxis,
    int InputAxis,
    long InputsPerUnit
);

/// <summary>What a repaired file says about itself, stored as metadata.</summary>
/// <param name="Entries">Keys (each prefixed <c>posttraingate.</c> in the file) and values.</param>
public sealed record Provenance(ImmutableSortedDictionary<string, string> Entries);
