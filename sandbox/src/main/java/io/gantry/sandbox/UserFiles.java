package io.gantry.sandbox;

/**
 * The user database of an image.
 *
 * @param passwd the text of /etc/passwd, empty without one
 * @param group the text of /etc/group, empty without one
 */
public record UserFiles(String passwd, String group) {
    /** An image without users, such as one from scratch. */
    public static final UserFiles EMPTY = new UserFiles("", "");
}
