using System.Collections.Immutable;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using TorchSharp;

namespace PostTrainGate.Models;

/// <summary>The input and the output that make a file a classifier.</summary>
/// <param name="Input">Name of the input.</param>
/// <param name="InputShape">Its shape without the batch; -1 where an axis is open.</param>
/// <param name="Batch">Size of the batch where the file fixes it, or 0.</param>
/// <param name="Output">Name of the output.</param>
internal sealed record OnnxSignature(string Input, ImmutableArray<long> InputShape, long Batch, string Output)
{
    /// <summary>The type that the file takes its input in; a classifier's inputs are float32 all the same.</summary>
    public torch.ScalarType Type { get; init; } = torch.ScalarType.Float32;

    private const long MaxInput = 1 << 26;

    /// <summary>Reads it from a file: one floating input [batch, ...], and the first output that is floating.</summary>
    /// <exception cref="GateException">PTG2004.</exception>
    public static OnnxSignature Of(OnnxFile file)
    {
        var graph = file.Graph;
        var initialized = graph.Initializer.Select(t => t.Name).ToHashSet();
        var inputs = graph.Input.Where(i => !initialized.Contains(i.Name)).ToList();
        if (inputs is not [var input])
        {
            var names = string.Join(", ", inputs.Take(10).Select(i => Wording.Quote(i.Name)));
            throw Wrong(file, $"has {inputs.Count} inputs{(names.Length > 0 ? $" ({names})" : "")}; a classifier has one");
        }

        if (!IsFloat(input)) throw Wrong(file, $"has the input {Wording.Quote(input.Name)} of another type than floating tensors");
        if (input.Type.TensorType.Shape?.Dim is not { Count: >= 2 } dims)
            throw Wrong(file, $"does not say which shape its input {Wording.Quote(input.Name)} has; a classifier's is [batch, ...]");
        var shape = dims.Select(d => d.HasDimValue && d.DimValue > 0 ? d.DimValue : -1).ToImmutableArray();
        if (shape.Where(d => d > 0).Aggregate((Int128)1, (a, b) => a * b) > MaxInput)
            throw Wrong(file, $"has an input of shape [{string.Join(", ", shape)}], more than {MaxInput} numbers");
        var output = graph.Output.FirstOrDefault(o => o.Type?.TensorType is not null && IsFloat(o))
            ?? throw Wrong(file, "has no output of floating tensors");
        return new(input.Name, shape[1..], Math.Max(0, shape[0]), output.Name) { Type = OnnxTensors.TypeOf(input.Type.TensorType.ElemType)!.Value };
    }

    /// <summary>The error about a file that is not a classifier.</summary>
    public static GateException Wrong(OnnxFile file, string why) =>
        new(new Diagnostic(DiagnosticCodes.ModelShape, $"The model '{file.Name}' {why}."));

    private static bool IsFloat(ValueInfoProto value) => value.Type?.TensorType is { } tensor && OnnxTensors.FloatTypes.Contains(tensor.ElemType);
}
