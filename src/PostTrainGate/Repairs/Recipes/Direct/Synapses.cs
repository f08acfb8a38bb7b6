using System.Collections.Immutable;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>A hidden unit: its layer, and the next one, whose weights read it.</summary>
/// <param name="Layer">The layer it belongs to.</param>
/// <param name="Next">The layer that reads it.</param>
/// <param name="Unit">Its place in the layer.</param>
internal sealed record HiddenUnit(Layer Layer, Layer Next, int Unit)
{
    /// <summary>Whether both layers are dense, one number a unit.</summary>
    public bool IsDense => Layer.Operator != "Conv" && Next.Operator != "Conv" && Next.InputsPerUnit == 1;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Layer.Index}:{Unit}");
}

/// <summary>Multipliers of hidden units, folded into the weights that read them.</summary>
internal static class Synapses
{
    /// <summary>Units of hidden layers which only the next layer reads, in forward order.</summary>
    public static ImmutableArray<HiddenUnit> Units(OnnxClassifier model)
    {
        var units = ImmutableArray.CreateBuilder<HiddenUnit>();
        foreach (var (layer, next) in model.Layers.Zip(model.Layers.Skip(1)))
        {
            var inputs = model.Parameters[next.Weight].shape[next.InputAxis];
            if (next.InputsPerUnit > 0 && inputs == layer.Units * next.InputsPerUnit)
                units.AddRange(Enumerable.Range(0, (int)layer.Units).Select(u => new HiddenUnit(layer, next, u)));
        }

        return units.ToImmutable();
    }

    /// <summary>Sets the weights that read a unit to a multiple of the source's.</summary>
    /// <param name="model">A clone of the source.</param>
    /// <param name="source">The source.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="factor">The multiple.</param>
    public static void Scale(OnnxClassifier model, OnnxClassifier source, HiddenUnit unit, double factor)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using Scalar multiple = factor;
        Of(model, unit).copy_(Of(source, unit).mul(multiple));
    }

    /// <summary>The weights that read a unit, a view.</summary>
    public static Tensor Of(OnnxClassifier model, HiddenUnit unit)
    {
        var per = unit.Next.InputsPerUnit;
        return model.Parameters[unit.Next.Weight].narrow(unit.Next.InputAxis, unit.Unit * per, per);
    }
}
