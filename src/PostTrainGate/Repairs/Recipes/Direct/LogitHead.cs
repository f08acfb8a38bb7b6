using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>The last layer of a model whose outputs are its logits, so that a bias moves them and a factor scales them.</summary>
/// <param name="Layer">The layer.</param>
internal sealed record LogitHead(Layer Layer)
{
    private const int TrialRows = 8;

    /// <summary>Finds it by trial: a step of its bias has to be a step of the logits.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="rows">Some of its inputs.</param>
    /// <param name="whyNot">Why there is none, in one line.</param>
    public static LogitHead? Find(OnnxClassifier model, Tensor rows, out string? whyNot)
    {
        whyNot = null;
        if (model.Layers.IsEmpty)
            whyNot = "the model has no weighted layer";
        else if (model.Layers[^1].Bias is null)
            whyNot = "the last layer has no bias";
        if (whyNot is not null)
            return null;
        var head = new LogitHead(model.Layers[^1]);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var moved = model.Clone();
        var shift = arange(1, model.Classes + 1).to(ScalarType.Float32);
        if (moved.Parameters[head.Layer.Bias!].numel() == Units(model))
        {
            head.Shift(moved, shift);
            var some = rows.narrow(0, 0, Math.Min(TrialRows, rows.shape[0]));
            var step = moved.Logits(some).sub(model.Logits(some));
            if (model.Classes == 2 && Units(model) == 1)
                shift = shift.sub(shift[0]); // one unit is the second class against the first
            if (allclose(step, shift.expand_as(step), rtol: 1e-3, atol: 1e-3))
                return head;
        }

        whyNot = "the outputs of the last layer are not the logits";
        return null;

        long Units(OnnxClassifier m) => m.Layers[^1].Units;
    }

    /// <summary>Adds to the logits of every input; only the last bias changes.</summary>
    /// <param name="model">A model of the same graph.</param>
    /// <param name="shift">[classes].</param>
    public void Shift(OnnxClassifier model, Tensor shift)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var bias = model.Parameters[Layer.Bias!];
        var step = bias.numel() == 1 ? shift[1] - shift[0] : shift;
        bias.add_(step.reshape(bias.shape));
    }

    /// <summary>Divides the logits of every input by a temperature; only the last layer changes.</summary>
    public void Cool(OnnxClassifier model, double temperature)
    {
        using var _ = no_grad();
        using Scalar divisor = temperature;
        model.Parameters[Layer.Weight].div_(divisor);
        model.Parameters[Layer.Bias!].div_(divisor);
    }
}
