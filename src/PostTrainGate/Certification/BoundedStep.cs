using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>A step of the graph whose inputs are constants but for some, which are known by their bounds.</summary>
/// <param name="step">The step.</param>
/// <param name="bounded">Slots of the inputs that are bounded, each once.</param>
/// <param name="around">All other values by slot, for a number of rows.</param>
internal sealed class BoundedStep(OnnxGraph.Step step, int[] bounded, Func<long, Tensor[]> around)
{
    /// <summary>The node.</summary>
    public OnnxNode Node => step.Rebuild;

    /// <summary>Slots of the inputs that are bounded.</summary>
    public int[] Bounded => bounded;

    /// <summary>Slot of the result.</summary>
    public int Output => step.Output;

    /// <summary>Its operator; with its domain where that is not ONNX's own.</summary>
    public string Operator => OnnxNode.Kind(step.Node);

    /// <summary>Operator and name, for messages.</summary>
    public string Text => OnnxNode.Describe(step.Node);

    /// <summary>Whether an input is bounded.</summary>
    public bool IsBounded(int position) => bounded.Contains(Node.Optional(position));

    /// <summary>The value of an input that is not bounded.</summary>
    public Tensor Constant(int position) => around(1)[Node.Input(position)];

    /// <summary>The result for values of the bounded inputs.</summary>
    /// <param name="x">[rows, ...], a value for each bounded input.</param>
    /// <param name="constants">What becomes of the floating constants before they are used.</param>
    public Tensor Run(IReadOnlyList<Tensor> x, Func<Tensor, Tensor>? constants = null)
    {
        var values = (Tensor[])around(x[0].shape[0]).Clone();
        if (constants is not null)
        {
            foreach (var slot in step.Inputs.Distinct().Except(bounded).Where(s => is_floating_point(values[s])))
                values[slot] = constants(values[slot]);
        }

        for (var i = 0; i < bounded.Length; i++)
            values[bounded[i]] = x[i];
        return OnnxGraph.Compute(step, values);
    }
}
