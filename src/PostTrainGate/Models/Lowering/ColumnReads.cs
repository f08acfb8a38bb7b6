using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Which columns of a row the inputs of a model's first layer are made of: a lowered graph puts them in an order of its
/// own, and drops some.
/// </summary>
internal static class ColumnReads
{
    private const int Rows = 8;

    /// <summary>Finds it by the gradients of each input.</summary>
    /// <param name="model">A model with a layer, and rows of one axis.</param>
    /// <returns>By input of the layer, then by column of the row.</returns>
    public static bool[][] Of(OnnxClassifier model)
    {
        var (compiled, state, _) = model.Rebuilt;
        var weight = compiled.Parameters[model.Layers[0].Weight];
        var slot = compiled.Graph.Steps.First(s => s.Inputs.Length > 1 && s.Inputs[1] == weight).Inputs[0];
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var x = rand([Rows, model.InputShape[0]], generator: random).requires_grad_();
        var inputs = compiled.Graph.Run(state, model.Device.Take(x), [slot])[0].On(x).reshape(Rows, -1);
        return
        [
            .. Enumerable
                .Range(0, (int)inputs.size(1))
                .Select(i =>
                {
                    var sum = inputs.select(1, i).sum();
                    if (!sum.requires_grad)
                        return new bool[model.InputShape[0]];
                    var slope = autograd.grad([sum], [x], retain_graph: true, allow_unused: true)[0];
                    return slope is null ? new bool[model.InputShape[0]] : slope.ne(0).any(0).data<bool>().ToArray();
                }),
        ];
    }
}
