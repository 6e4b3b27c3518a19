package io.gantry.cni;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Traffic limits of a pod. A rate of 0 means no limit in that direction.
 *
 * @param ingressRate to the pod, bits per second
 * @param ingressBurst bits
 * @param egressRate from the pod, bits per second
 * @param egressBurst bits
 */
public record Bandwidth(long ingressRate, long ingressBurst, long egressRate, long egressBurst) {
    /** Kubernetes has no annotation for the burst; this is the largest that the bandwidth plugin takes in 32 bits. */
    private static final long BURST = 0xFFFF_FFFFL;

    private static final String INGRESS = "kubernetes.io/ingress-bandwidth";
    private static final String EGRESS = "kubernetes.io/egress-bandwidth";
    private static final BigDecimal MIN = new BigDecimal(1_000);
    private static final BigDecimal MAX = new BigDecimal(1_000_000_000_000_000L);
    private static final Pattern QUANTITY = Pattern.compile(
            "([0-9]{1,18}(?:\\.[0-9]{0,18})?|\\.[0-9]{1,18})(?:([eE][+-]?[0-9]{1,2})|([KMGTPE]i)|([numkMGTPE]))?");

    /**
     * Reads the annotations {@code kubernetes.io/ingress-bandwidth} and {@code egress-bandwidth}, Kubernetes quantities of 1k to 1P.
     *
     * @return null if neither is there
     * @throws CniException (INVALID) if one is no quantity or out of range
     */
    public static @Nullable Bandwidth fromAnnotations(Map<String, String> annotations) throws CniException {
        long ingress = rate(annotations, INGRESS);
        long egress = rate(annotations, EGRESS);
        if (ingress == 0 && egress == 0) {
            return null;
        }
        return new Bandwidth(ingress, ingress == 0 ? 0 : BURST, egress, egress == 0 ? 0 : BURST);
    }

    private static long rate(Map<String, String> annotations, String name) throws CniException {
        String text = annotations.get(name);
        if (text == null) {
            return 0;
        }
        Matcher matcher = QUANTITY.matcher(text);
        if (!matcher.matches()) {
            throw new CniException(
                    CniException.Kind.INVALID, "annotation " + name + ": \"" + text + "\" is not a quantity");
        }
        BigDecimal value = new BigDecimal(matcher.group(1));
        if (matcher.group(2) != null) {
            value = value.scaleByPowerOfTen(Integer.parseInt(matcher.group(2).substring(1)));
        } else if (matcher.group(3) != null) {
            int power = "KMGTPE".indexOf(matcher.group(3).charAt(0)) + 1;
            value = value.multiply(new BigDecimal(BigInteger.ONE.shiftLeft(10 * power)));
        } else if (matcher.group(4) != null) {
            value = value.scaleByPowerOfTen(3 * ("num.kMGTPE".indexOf(matcher.group(4)) - 3));
        }
        if (value.compareTo(MIN) < 0 || value.compareTo(MAX) > 0) {
            throw new CniException(
                    CniException.Kind.INVALID, "annotation " + name + ": " + text + " is not between 1k and 1P");
        }
        return value.setScale(0, RoundingMode.UP).longValueExact();
    }
}
