using System.Collections.Immutable;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>
/// A value whose columns take few values each, all of them known: a column of text, and what encoders make of it. It is
/// a one-hot block and a list of what each place means, so that encoders change the list alone.
/// </summary>
/// <param name="Columns">[batch, columns]; a single one may be [batch] alone.</param>
/// <param name="Type">The type that the file gives it.</param>
/// <param name="IsFlat">Whether it is [batch].</param>
internal sealed record Enumerated(ImmutableArray<Enumerated.Column> Columns, DataType Type, bool IsFlat)
{
    /// <summary>One column.</summary>
    /// <param name="Block">Name of the one-hot block, [batch, values].</param>
    /// <param name="Values">What each place means: texts or numbers.</param>
    internal sealed record Column(string Block, ImmutableArray<object> Values);

    /// <summary>Whether it holds texts.</summary>
    public bool IsText => Type == DataType.String;

    /// <summary>The same with other values at each place.</summary>
    public Enumerated Map(Func<object, object> value, DataType type) =>
        this with
        {
            Columns = [.. Columns.Select(c => c with { Values = [.. c.Values.Select(value)] })],
            Type = type,
        };
}
