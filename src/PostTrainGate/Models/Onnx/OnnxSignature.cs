using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using TorchSharp;

namespace PostTrainGate.Models;

/// <summary>The input and the output that make a file a classifier.</summary>
/// <param name="Input">Name of the input.</param>
/// <param name="InputShape">Its shape without the batch; -1 where an axis is open.</param>
/// <param name="Batch">Size of the batch where the file fixes it, or 0.</param>
/// <param name="Output">Name of the output.</param>
/// <param name="Head">What the user says that the output holds; null: what is found.</param>
internal sealed record OnnxSignature(
    string Input,
    ImmutableArray<long> InputShape,
    long Batch,
    string Output,
    OutputHead? Head = null
)
{
    /// <summary>The type that the file takes its input in; a classifier's inputs are float32 all the same.</summary>
    public torch.ScalarType Type { get; init; } = torch.ScalarType.Float32;

    /// <summary>Whether rows are run one by one, as the file fixes its batch to one and counts on it.</summary>
    public bool RowByRow { get; init; }

    private const long MaxInput = 1 << 26;

    /// <summary>
    /// Reads it from a file: one floating input [batch, ...], and the output that the user names or the first that is
    /// floating.
    /// </summary>
    /// <exception cref="GateException">PTG2004.</exception>
    public static OnnxSignature Read(OnnxFile file, OutputPolicy? wanted = null)
    {
        if (file.Inputs is not [var input])
        {
            var names = string.Join(", ", file.Inputs.Take(10).Select(i => Wording.Quote(i.Name)));
            throw Wrong(
                file,
                $"has {file.Inputs.Count} inputs{(names.Length > 0 ? $" ({names})" : "")}; "
                    + "a model rebuilt with gradients must have one"
            );
        }

        if (!IsFloat(input))
            throw Wrong(file, $"has the input {Wording.Quote(input.Name)}, which is not a floating-point tensor");
        var shape = ShapeOf(file, input);
        var output = wanted?.Name is { } name
            ? Named(file, name)
            : file.Graph.Output.FirstOrDefault(IsFloat) ?? throw Wrong(file, "has no floating-point output");
        if (!IsFloat(output))
            throw Wrong(file, $"has the output {Wording.Quote(output.Name)}, which is not a floating-point tensor");
        return new(input.Name, shape[1..], Math.Max(0, shape[0]), output.Name, wanted?.Head)
        {
            Type = OnnxTensors.TypeOf(input.Type.TensorType.ElemType)!.Value,
        };
    }

    /// <summary>Shape of an input [batch, ...] with -1 where an axis is open.</summary>
    /// <exception cref="GateException">PTG2004: unsaid, or too large.</exception>
    public static ImmutableArray<long> ShapeOf(OnnxFile file, ValueInfoProto input)
    {
        if (input.Type?.TensorType?.Shape?.Dim is not { Count: >= 2 } dims)
            throw Wrong(
                file,
                $"does not declare the shape of its input {Wording.Quote(input.Name)}; a classifier needs [batch, ...]"
            );
        var shape = dims.Select(d => d.HasDimValue && d.DimValue > 0 ? d.DimValue : -1).ToImmutableArray();
        return shape.Where(d => d > 0).Aggregate((Int128)1, (a, b) => a * b) <= MaxInput
            ? shape
            : throw Wrong(file, $"has an input of shape [{string.Join(", ", shape)}]; the limit is {MaxInput} numbers");
    }

    /// <summary>The output of that name.</summary>
    /// <exception cref="GateException">PTG2004.</exception>
    public static ValueInfoProto Named(OnnxFile file, string name) =>
        file.Graph.Output.FirstOrDefault(o => o.Name == name)
        ?? throw Wrong(
            file,
            $"has no output {Wording.Quote(name)}; "
                + $"it has {Wording.List(file.Graph.Output.Take(10).Select(o => Wording.Quote(o.Name)))}"
        );

    /// <summary>The error about a file that is not a classifier.</summary>
    public static GateException Wrong(OnnxFile file, string why) =>
        new(new Diagnostic(DiagnosticCodes.ModelShape, $"The model '{file.Name}' {why}."));

    private static bool IsFloat(ValueInfoProto value) =>
        value.Type?.TensorType is { } tensor && OnnxTensors.FloatTypes.Contains(tensor.ElemType);
}
